import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxyClient } from '@nightshift/faults/fault-proxy-client'
import type { Injector } from '@nightshift/faults/injector/injector'
import { type Phase, secondsOf } from '../scenarios/profile.ts'

/** A fault with its begin and end, measured from the first arrival. */
export type ScheduledFault = Readonly<{
  title: string
  atMs: number
  /** Unset for a fault that heals by itself: the supervisor restarts a killed process. */
  untilMs?: number
  inject: (injector: Injector) => Promise<unknown>
  heal?: (injector: Injector) => Promise<unknown>
}>

const msPerSecond = 1_000
const slow = { latencyMs: 700, latencyJitterMs: 300 }
const notSlow = { latencyMs: 0, latencyJitterMs: 0 }
/** The provider makes half of the charges without an answer. */
const silent = { silence: 'after', silenceRate: 0.5 }
const notSilent = { silence: 'none', silenceRate: 1 }

/** `from` and `until` are shares of the tenfold phase, from 0 to 1. */
type PlannedFault = Pick<ScheduledFault, 'title' | 'inject' | 'heal'> &
  Readonly<{ from: number; until?: number }>

/** The faults come one after the other, so that the effects of each can be told apart. */
const plan: readonly PlannedFault[] = [
  {
    title: 'the provider is slow',
    from: 0.08,
    until: 0.3,
    inject: injector => injector.changeSettings('card-provider', slow),
    heal: injector => injector.changeSettings('card-provider', notSlow),
  },
  {
    title: 'the provider charges and does not answer',
    from: 0.36,
    until: 0.52,
    inject: injector => injector.changeSettings('card-provider', silent),
    heal: injector => injector.changeSettings('card-provider', notSilent),
  },
  {
    title: 'Kafka is killed',
    from: 0.58,
    inject: injector => injector.kill('kafka'),
  },
  {
    title: 'Redis is emptied',
    from: 0.7,
    inject: injector => injector.flushRedis(),
  },
  {
    title: 'payments is killed',
    from: 0.78,
    inject: injector => injector.kill('payments'),
  },
]

/** The faults of a storm with these phases. @throws when there is no phase "tenfold" */
export function scheduleFaults(phases: readonly Phase[]): ScheduledFault[] {
  const { startMs, endMs } = overloadOf(phases)
  const length = endMs - startMs
  return plan.map(({ from, until, ...fault }) => ({
    ...fault,
    atMs: startMs + from * length,
    ...(until === undefined ? {} : { untilMs: startMs + until * length }),
  }))
}

/** When the overload begins and ends, from the first arrival. */
function overloadOf(phases: readonly Phase[]): { startMs: number; endMs: number } {
  const at = phases.findIndex(({ name }) => name === 'tenfold')
  const tenfold = phases[at]
  if (tenfold === undefined) throw new Error('there is no phase "tenfold" to inject faults into')
  const startMs = lengthMs(phases.slice(0, at))
  return { startMs, endMs: startMs + lengthMs([tenfold]) }
}

/**
 * Writes into the fault log when the overload begins and ends. It is a fault like the others: only
 * after its end can the auditor expect a steady state (L5).
 * @throws when the signal ends the wait
 */
export async function logOverload(
  phases: readonly Phase[],
  faultLog: Pick<FaultProxyClient, 'report'>,
  signal: AbortSignal,
): Promise<void> {
  const { startMs, endMs } = overloadOf(phases)
  const startedMs = performance.now()
  const overload = { kind: overloadKind, name: 'employers' } as const
  await sleep(startMs, undefined, { signal })
  await faultLog.report({ ...overload, action: 'begin' })
  await sleep(Math.max(0, startedMs + endMs - performance.now()), undefined, { signal })
  await faultLog.report({ ...overload, action: 'end' })
}

/** How the fault log calls the overload. */
export const overloadKind = 'load'

export type ScheduleObserver = Readonly<{
  onBegin: (fault: ScheduledFault) => void
  onEnd: (fault: ScheduledFault) => void
}>

/**
 * Injects each fault at its time, and waits until the last one has ended. It resets settings that it
 * changed, and repairs nothing else.
 * @throws when a fault could not be injected: a storm without it would prove nothing
 */
export async function runSchedule(
  faults: readonly ScheduledFault[],
  injector: Injector,
  observer: ScheduleObserver,
  signal: AbortSignal,
): Promise<void> {
  const startedMs = performance.now()
  const waitUntilMs = (ms: number) =>
    sleep(Math.max(0, startedMs + ms - performance.now()), undefined, { signal })
  for (const fault of faults) {
    await waitUntilMs(fault.atMs)
    observer.onBegin(fault)
    await fault.inject(injector)
    if (fault.untilMs !== undefined) await waitUntilMs(fault.untilMs)
    await fault.heal?.(injector)
    observer.onEnd(fault)
  }
}

function lengthMs(phases: readonly Phase[]): number {
  return secondsOf(phases.flatMap(({ stages }) => stages)) * msPerSecond
}
