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

/** `from` and `until` are shares of the phase, from 0 to 1. */
type PlannedFault = Pick<ScheduledFault, 'title' | 'inject' | 'heal'> &
  Readonly<{ from: number; until?: number }>

/** The parts that are away for a while at the steady rate, in this order. */
export const partsAway = ['card-provider', 'postgres', 'kafka'] as const
export type PartAway = (typeof partsAway)[number]

/**
 * Each part has an equal share of the phase. It is away for a third of that, and then has time to come back.
 * The card provider forgets its settings while it is away, so it gets its quota again.
 */
function outagesAt(quotaPerSecond: number): PlannedFault[] {
  return partsAway.map((part, at) => ({
    title: `${part} is away`,
    from: (at + 0.1) / partsAway.length,
    until: (at + 0.4) / partsAway.length,
    inject: injector => injector.stop(part),
    heal: async injector => {
      await injector.start(part)
      if (part === 'card-provider') await injector.changeSettings(part, { quotaPerSecond })
    },
  }))
}

/** The faults come one after the other, so that the effects of each can be told apart. */
const overloadFaults: readonly PlannedFault[] = [
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

/** The faults of a storm with these phases. @throws when a phase of the faults is missing */
export function scheduleFaults(phases: readonly Phase[], quotaPerSecond: number): ScheduledFault[] {
  return [
    ...scheduleIn(boundsOf('outages', phases), outagesAt(quotaPerSecond)),
    ...scheduleIn(boundsOf('tenfold', phases), overloadFaults),
  ]
}

function scheduleIn({ startMs, endMs }: Bounds, plan: readonly PlannedFault[]): ScheduledFault[] {
  const length = endMs - startMs
  return plan.map(({ from, until, ...fault }) => ({
    ...fault,
    atMs: startMs + from * length,
    ...(until === undefined ? {} : { untilMs: startMs + until * length }),
  }))
}

type Bounds = Readonly<{ startMs: number; endMs: number }>

/** When a phase begins and ends, from the first arrival. @throws when the storm has no such phase */
function boundsOf(name: 'outages' | 'tenfold', phases: readonly Phase[]): Bounds {
  const at = phases.findIndex(phase => phase.name === name)
  const phase = phases[at]
  if (phase === undefined) throw new Error(`there is no phase "${name}" to inject faults into`)
  const startMs = lengthMs(phases.slice(0, at))
  return { startMs, endMs: startMs + lengthMs([phase]) }
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
  const { startMs, endMs } = boundsOf('tenfold', phases)
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
 * changed and starts parts that it stopped, and repairs nothing else.
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
