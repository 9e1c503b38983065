import type { LimitState, TakeUnits, Verdict } from './types.ts'

/**
 * A unit that is given back shortens a wait, and perhaps another instance was told of it. So nothing is
 * remembered for longer.
 */
const rememberedMaxMs = 1_000

type Refused = Readonly<{ verdict: Verdict; atMs: number; untilMs: number }>

/**
 * Refuses a principal from memory while it has been told to wait. Until then the limits would say the same,
 * because a bucket empties at its rate and no faster. A tenant that floods then costs one question to Redis
 * per wait, and not one per request.
 * @param principalsMax above it, the one that was refused longest ago is forgotten
 * @param now milliseconds of a monotonic clock
 */
export function rememberRefusals(
  takeUnits: TakeUnits,
  principalsMax: number,
  now: () => number = () => performance.now(),
): TakeUnits {
  const refused = new Map<string, Refused>()

  function remember(principal: string, verdict: Verdict): void {
    const atMs = now()
    const waitMs = Math.max(...verdict.states.map(({ retryAfterMs }) => retryAfterMs))
    refused.delete(principal)
    refused.set(principal, { verdict, atMs, untilMs: atMs + Math.min(waitMs, rememberedMaxMs) })
    const [oldest] = refused.keys()
    if (refused.size > principalsMax && oldest !== undefined) refused.delete(oldest)
  }

  return async (principal, asks) => {
    const known = refused.get(principal)
    // What is only counted is never refused.
    const isQuestion = asks.some(({ needs }) => needs > 0)
    if (known && isQuestion && now() < known.untilMs) {
      const states = known.verdict.states.map(state => after(now() - known.atMs, state))
      return { isAllowed: false, states }
    }
    const verdict = await takeUnits(principal, asks)
    if (!verdict.isAllowed) remember(principal, verdict)
    return verdict
  }
}

function after(passedMs: number, { remaining, retryAfterMs, resetMs }: LimitState): LimitState {
  return {
    remaining,
    retryAfterMs: Math.max(0, retryAfterMs - passedMs),
    resetMs: Math.max(0, resetMs - passedMs),
  }
}
