import type { FaultLogLine } from '../auditor/evidence.ts'
import { quantile, round } from '../reporting/figures.ts'
import type { Band } from '../reporting/svg.ts'
import { type Phase, secondsOf } from '../scenarios/profile.ts'
import { overloadKind, type PartAway, partsAway } from './fault-schedule.ts'
import type { SeenIntent } from './seen-intents.ts'
import { type MemorySample, memoryRatio } from './watch-memory.ts'

/** An answer within this time counts as in time: 5 s, retries included. */
const inTimeMs = 5_000
/** A second is good if so large a share of the intents that begin in it are served in time. */
const goodShareMin = 0.99
/** A fault shows its effect for so long after its end. */
const aftermathMs = 1_000
/**
 * A cold process compiles its code with the first requests. They are no measure of an ordinary night: with
 * them, the worst of the storm looked better than its calm beginning.
 */
const warmUpMs = 3_000
const secondMs = 1_000

/** What happened to the intents that began in one second of the storm. */
export type Second = Readonly<{
  /** From the first arrival. */
  at: number
  began: number
  inTime: number
  late: number
  refused: number
  pending: number
  lost: number
}>

/** Groups the intents by the second in which they began. */
export function secondsIn(intents: readonly SeenIntent[], startedAt: number): Second[] {
  const bySecond = Map.groupBy(intents, ({ intendedAt }) => secondOf(intendedAt, startedAt))
  const last = Math.max(-1, ...bySecond.keys())
  return Array.from({ length: last + 1 }, (_, at) => {
    const here = bySecond.get(at) ?? []
    const unserved = here.filter(({ servedAfterMs }) => servedAfterMs === undefined)
    const count = (how: SeenIntent['leftWith']) => unserved.filter(i => i.leftWith === how).length
    const inTime = here.filter(isInTime).length
    return {
      at,
      began: here.length,
      inTime,
      late: here.length - unserved.length - inTime,
      refused: count('refused'),
      pending: count('pending'),
      lost: count('lost'),
    }
  })
}

/** The figures that the storm promises, from its history and the log of its faults. */
export function stormFigures(
  intents: readonly SeenIntent[],
  phases: readonly Phase[],
  faultLog: readonly FaultLogLine[],
  memory: readonly MemorySample[],
): Record<string, number> {
  const startedAt = intents[0]?.intendedAt ?? 0
  const bounds = boundsOf(phases, startedAt)
  const during = (name: string) => {
    const { from, until } = bounds.get(name) ?? { from: 0, until: 0 }
    return intents.filter(({ intendedAt }) => intendedAt >= from && intendedAt < until)
  }
  const faults = faultSpans(faultLog)
  const tenfold = during('tenfold')
  const isCalm = ({ intendedAt }: SeenIntent) => {
    const from = startedAt + secondOf(intendedAt, startedAt) * secondMs
    return faults.every(fault => from + secondMs <= fault.from || fault.until + aftermathMs <= from)
  }
  const calm = tenfold.filter(isCalm)
  const seconds = (name: string) => {
    const { from, until } = bounds.get(name) ?? { from: 0, until: 0 }
    return (until - from) / secondMs
  }
  const calmSeconds = new Set(calm.map(i => secondOf(i.intendedAt, startedAt))).size
  const saturated = servedIn(during('saturated')).length / seconds('saturated')
  const served = servedIn(tenfold)
  const warm = during('steady').filter(({ intendedAt }) => intendedAt >= startedAt + warmUpMs)
  const steadyP99 = quantile(acceptedTimes(warm), 0.99) ?? Number.NaN
  const calmP99 = quantile(acceptedTimes(calm), 0.99) ?? Number.NaN
  const back = bounds.get('back')?.from ?? 0
  return {
    saturatedServedPerSecond: round(saturated),
    tenfoldServedPerSecond: round(served.length / seconds('tenfold')),
    tenfoldCalmServedPerSecond: round(servedIn(calm).length / calmSeconds),
    servedToSaturated: round(served.length / seconds('tenfold') / saturated),
    calmServedToSaturated: round(servedIn(calm).length / calmSeconds / saturated),
    inTimeOfServed: round(served.filter(isInTime).length / served.length),
    steadyAcceptedP99Ms: steadyP99,
    tenfoldCalmAcceptedP99Ms: calmP99,
    acceptedP99Ratio: round(calmP99 / steadyP99),
    secondsUntilGood: secondsUntilGood(intents, back),
    ...secondsUntilGoodAfterOutages(intents, faultLog),
    memoryRatio: round(
      memoryRatio(memory, t => {
        if (isIn(bounds.get('saturated'), t)) return 'before'
        return isIn(bounds.get('tenfold'), t) ? 'during' : undefined
      }),
    ),
    attemptsPerIntent: round(
      tenfold.reduce((sum, { attempts }) => sum + attempts, 0) / tenfold.length,
    ),
  }
}

/**
 * How many seconds after `from` the first good second begins. All that were seen, if none of them was
 * good; NaN if none was seen.
 */
export function secondsUntilGood(intents: readonly SeenIntent[], from: number): number {
  const after = intents.filter(({ intendedAt }) => intendedAt >= from)
  const seconds = secondsIn(after, from)
  const good = seconds.find(({ began, inTime }) => began > 0 && inTime / began >= goodShareMin)
  return good?.at ?? (seconds.length || Number.NaN)
}

const afterPart: Readonly<Record<PartAway, string>> = {
  'card-provider': 'secondsUntilGoodAfterProvider',
  postgres: 'secondsUntilGoodAfterDatabase',
  kafka: 'secondsUntilGoodAfterKafka',
}

/**
 * The same for each part that was away: from the moment when it was ready again. Kafka has a second fault
 * later, in the overload, so only the first one of each part counts here. NaN for a part that was not away.
 */
function secondsUntilGoodAfterOutages(
  intents: readonly SeenIntent[],
  faultLog: readonly FaultLogLine[],
): Record<string, number> {
  const figures = partsAway.map(part => {
    const back = faultLog.find(
      ({ kind, name, action }) => kind === 'process' && name === part && action === 'end',
    )
    return [
      afterPart[part],
      secondsUntilGood(intents, back?.t ?? Number.POSITIVE_INFINITY),
    ] as const
  })
  return Object.fromEntries(figures)
}

function secondOf(at: number, startedAt: number): number {
  return Math.floor((at - startedAt) / secondMs)
}

export type Span = Readonly<{ from: number; until: number }>

/** When a phase was, since 1970. @throws when the storm has no phase of this name */
export function spanOf(name: string, phases: readonly Phase[], startedAt: number): Span {
  const span = boundsOf(phases, startedAt).get(name)
  if (span === undefined) throw new Error(`the storm has no phase "${name}"`)
  return span
}

/** The phases and the faults of a storm, in milliseconds from its first arrival. */
export function bandsOf(
  phases: readonly Phase[],
  faultLog: readonly FaultLogLine[],
  startedAt: number,
): { phases: Band[]; faults: Band[] } {
  const bounds = [...boundsOf(phases, 0)]
  return {
    phases: bounds.map(([title, { from, until }]) => ({ title, fromMs: from, untilMs: until })),
    faults: faultSpans(faultLog).map(({ title, from, until }) => ({
      title,
      fromMs: from - startedAt,
      untilMs: until - startedAt,
    })),
  }
}

function boundsOf(phases: readonly Phase[], startedAt: number): ReadonlyMap<string, Span> {
  let from = startedAt
  return new Map(
    phases.map(({ name, stages }) => {
      const until = from + secondsOf(stages) * secondMs
      const bounds = [name, { from, until }] as const
      from = until
      return bounds
    }),
  )
}

function isIn(span: Span | undefined, t: number): boolean {
  return span !== undefined && t >= span.from && t < span.until
}

/**
 * Each fault but the overload, which is a phase, from its begin to its end. One that never ended lasts
 * to the end of the storm.
 */
function faultSpans(lines: readonly FaultLogLine[]): (Span & { title: string })[] {
  const begun = lines.filter(({ action, kind }) => action === 'begin' && kind !== overloadKind)
  return begun.map(({ t, kind, name }) => {
    const end = lines.find(
      line => line.action === 'end' && line.kind === kind && line.name === name && line.t >= t,
    )
    return { title: name, from: t, until: end?.t ?? Number.POSITIVE_INFINITY }
  })
}

function servedIn(intents: readonly SeenIntent[]): SeenIntent[] {
  return intents.filter(({ servedAfterMs }) => servedAfterMs !== undefined)
}

function isInTime({ servedAfterMs }: SeenIntent): boolean {
  return servedAfterMs !== undefined && servedAfterMs <= inTimeMs
}

function acceptedTimes(intents: readonly SeenIntent[]): number[] {
  return intents.flatMap(({ acceptedMs }) => acceptedMs ?? [])
}
