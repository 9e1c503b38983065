import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { deadlineHeader } from '@nightshift/runtime/process/deadline'
import { as } from './test-client.ts'
import type { TestSystem } from './test-system.ts'

/** What the callers of a load do when an attempt has failed. */
export type CallerHabits = Readonly<{
  /** They wait longer before each further attempt, for a random time. Otherwise always a second. */
  backOff: boolean
  /**
   * The repetitions that each new caller adds to what all callers together may use. Without it, every
   * caller uses all its attempts.
   */
  retryShare?: number
  /** They tell the service how long they wait. */
  sayPatience: boolean
}>

/** One caller who wanted to pay. Times are of the monotonic clock. */
export type Caller = { cameMs: number; attempts: number; servedMs?: number }

const attemptsMax = 4
/** How long a caller waits for the answer to one attempt. */
const patienceMs = 2_500
/**
 * Payments works for a second longer than a caller waits. Who asks again sooner is told that the
 * payment is in progress, which costs hardly anything.
 */
const pauseBaseMs = 1_000
/** Repetitions that can be saved up, with a budget. */
const savedMax = 10
const captured = 201

/**
 * Callers who pay once each and repeat what failed, under the same key. They do not read
 * `Retry-After`: many programs do not.
 */
export function retryingCallers(
  system: TestSystem,
  { backOff, retryShare, sayPatience }: CallerHabits,
) {
  const url = `${system.urls.payments}/v1/payments`
  const told = sayPatience ? { [deadlineHeader]: String(patienceMs) } : {}
  const callers: Caller[] = []
  let saved = savedMax

  function mayRepeat(): boolean {
    if (retryShare === undefined) return true
    if (saved < 1) return false
    saved -= 1
    return true
  }

  async function come(): Promise<void> {
    const caller: Caller = { cameMs: performance.now(), attempts: 0 }
    callers.push(caller)
    saved = Math.min(savedMax, saved + (retryShare ?? 0))
    const request = {
      method: 'POST',
      headers: {
        ...as(system, 'acme', `intent-${randomUUID()}`),
        ...told,
        'content-type': 'application/json',
      },
      body: JSON.stringify(newPayment()),
    }
    for (;;) {
      caller.attempts += 1
      if ((await statusOf(url, request)) === captured) {
        caller.servedMs = performance.now()
        return
      }
      if (caller.attempts >= attemptsMax || !mayRepeat()) return
      await sleep(backOff ? pauseMs(caller.attempts) : pauseBaseMs)
    }
  }

  return { come, all: (): readonly Caller[] => callers }
}

function newPayment() {
  return {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
}

/** Half of the pause is random, so that callers who failed together do not come back together. */
function pauseMs(attempts: number): number {
  const full = pauseBaseMs * 2 ** (attempts - 1)
  return full / 2 + (Math.random() * full) / 2
}

/** 0 for a caller who has left without an answer. */
async function statusOf(url: string, request: RequestInit): Promise<number> {
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(patienceMs) })
    await answer.arrayBuffer()
    return answer.status
  } catch {
    return 0 // the caller has left, or its connection was lost
  }
}
