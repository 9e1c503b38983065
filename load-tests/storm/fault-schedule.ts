import { setTimeout as sleep } from 'node:timers/promises'
import type { Injector } from '@nightshift/faults/injector/injector'
import { type Phase, secondsOf } from '../scenarios/profile.ts'

/** Something that goes wrong in the night, from when to when. */
export type Mishap = Readonly<{
  title: string
  /** After the first person came. */
  atMs: number
  /** When it is over; unset: it is over by itself, as when a process that was killed comes back. */
  untilMs?: number
  begin: (injector: Injector) => Promise<unknown>
  end?: (injector: Injector) => Promise<unknown>
}>

const msPerSecond = 1_000
const slow = { latencyMs: 700, latencyJitterMs: 300 }
/** Of the charges: made, and not answered. */
const silence = { silence: 'after', silenceRate: 0.5 }

type Scripted = Pick<Mishap, 'title' | 'begin' | 'end'> & Readonly<{ from: number; until?: number }>

/** Of the tenfold, from 0 to 1. One after the other, so that each can be told from the rest. */
const script: readonly Scripted[] = [
  {
    ...{ title: 'the provider is slow', from: 0.08, until: 0.3 },
    begin: injector => injector.changeSettings('card-provider', slow),
    end: injector => injector.changeSettings('card-provider', { latencyMs: 0, latencyJitterMs: 0 }),
  },
  {
    ...{ title: 'the provider charges and does not answer', from: 0.36, until: 0.52 },
    begin: injector => injector.changeSettings('card-provider', silence),
    end: injector => injector.changeSettings('card-provider', { silence: 'none', silenceRate: 1 }),
  },
  {
    ...{ title: 'Kafka is killed', from: 0.58 },
    begin: injector => injector.kill('kafka'),
  },
  {
    ...{ title: 'Redis is emptied', from: 0.7 },
    begin: injector => injector.flushRedis(),
  },
  {
    ...{ title: 'payments is killed', from: 0.78 },
    begin: injector => injector.kill('payments'),
  },
]

/** What goes wrong during these phases, and when. @throws when there is no tenfold to break */
export function mishapsOf(phases: readonly Phase[]): Mishap[] {
  const at = phases.findIndex(({ name }) => name === 'tenfold')
  const tenfold = phases[at]
  if (tenfold === undefined) throw new Error('there is no phase "tenfold" in this night')
  const startMs = lengthMs(phases.slice(0, at))
  const length = lengthMs([tenfold])
  return script.map(({ from, until, ...mishap }) => ({
    ...mishap,
    atMs: startMs + from * length,
    ...(until === undefined ? {} : { untilMs: startMs + until * length }),
  }))
}

export type Telling = Readonly<{
  begins: (mishap: Mishap) => void
  ends: (mishap: Mishap) => void
}>

/**
 * Lets it all go wrong, each at its time, and waits for the last to be over. Nothing is put right
 * here that would not come right by itself, but what was turned is turned back.
 * @throws when a mishap could not be done: a night without it would prove nothing
 */
export async function playMishaps(
  mishaps: readonly Mishap[],
  injector: Injector,
  tell: Telling,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now()
  const until = (ms: number) =>
    sleep(Math.max(0, startedMs + ms - performance.now()), undefined, { signal })
  for (const mishap of mishaps) {
    await until(mishap.atMs)
    tell.begins(mishap)
    await mishap.begin(injector)
    if (mishap.untilMs !== undefined) await until(mishap.untilMs)
    await mishap.end?.(injector)
    tell.ends(mishap)
  }
}

function lengthMs(phases: readonly Phase[]): number {
  return secondsOf(phases.flatMap(({ stages }) => stages)) * msPerSecond
}
