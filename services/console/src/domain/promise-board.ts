import type { Figures } from '../snapshot.ts'
import type { DoubleCharge, Followed } from './charge-ledger.ts'

/** A promise as it stands at this moment. Only the auditor looks at all of them. */
export type BoardLine = Readonly<{
  code: string
  statement: string
  state: 'kept' | 'broken' | 'not looked at'
  /** What was looked at, or why it was not. */
  detail: string
  findings: readonly Readonly<{ what: string; lines: readonly string[] }>[]
}>

export type Seen = Readonly<{
  figures: Figures | undefined
  /** Unset while the provider's log cannot be read. */
  charges?: Readonly<{ count: number; doubles: readonly DoubleCharge[] }>
  /** Unset while that log or a database cannot be read. */
  followed?: Followed
  /** Counted by the services since they started; unset where none answers. */
  serverErrors?: number
  deadLetters?: number
}>

/** The promises L1 and L3 in seconds. */
const paymentOpenMax = 90
const eventWaitsMax = 60
/** More of them add nothing for a person. */
const findingsMax = 20

type Look = (seen: Seen) => Omit<BoardLine, 'code' | 'statement'>

const looks: Readonly<Record<string, Look>> = {
  S1: ({ charges }) => {
    if (charges === undefined) return unseen('the log of the card provider cannot be read')
    const { count, doubles } = charges
    return {
      state: doubles.length > 0 ? 'broken' : 'kept',
      detail: `${count} charges in the provider's own log, counted per publication and per payment`,
      findings: doubles.map(({ what, charges: each }) => ({
        what: `${what} was charged ${each.length} times`,
        lines: each.map(({ at, idempotencyKey }) => `${at} charged, key ${idempotencyKey}`),
      })),
    }
  },
  S3: ({ followed }) =>
    noneOf(followed, 'unbooked', followed => [
      `of ${followed.looked} charges of the last minutes all are in our ledger`,
      id => `payment ${id} was charged, and is not in our ledger`,
    ]),
  S14: ({ deadLetters }) =>
    atMost(deadLetters, 0, count => `${count} records were put aside by the consumers that run`),
  S15: ({ serverErrors }) =>
    atMost(serverErrors, 0, count => `${count} answers were a 500 since the services started`),
  L1: ({ figures }) =>
    atMost(
      figures?.oldestOpenSeconds ?? undefined,
      paymentOpenMax,
      seconds => `the oldest open payment is ${Math.round(seconds)} s old`,
    ),
  L2: ({ followed }) =>
    noneOf(followed, 'notLive', followed => [
      `of ${followed.looked} charges of the last minutes no publication waits`,
      id => `publication ${id} was charged, and is not live`,
    ]),
  L3: ({ figures }) =>
    atMost(
      largest(figures?.outboxAgeSeconds, figures?.stalledSeconds),
      eventWaitsMax,
      seconds => `no event has waited for longer than ${Math.round(seconds)} s`,
    ),
}

/** @param statements all promises, in reading order */
export function promiseBoard(
  statements: Readonly<Record<string, string>>,
  seen: Seen,
): BoardLine[] {
  return Object.entries(statements).map(([code, statement]) => ({
    code,
    statement,
    ...(looks[code]?.(seen) ?? unseen('only the auditor looks at it')),
  }))
}

function atMost(
  value: number | undefined,
  max: number,
  describe: (value: number) => string,
): ReturnType<Look> {
  if (value === undefined) return unseen('the metrics cannot be read')
  return { state: value <= max ? 'kept' : 'broken', detail: describe(value), findings: [] }
}

type Words = (followed: Followed) => [kept: string, broken: (id: string) => string]

function noneOf(
  followed: Followed | undefined,
  which: 'unbooked' | 'notLive',
  words: Words,
): ReturnType<Look> {
  if (followed === undefined)
    return unseen('the log of the card provider or a database cannot be read')
  const [kept, broken] = words(followed)
  const ids = followed[which]
  if (ids.length === 0) return { state: 'kept', detail: kept, findings: [] }
  const findings = ids.slice(0, findingsMax).map(id => ({ what: broken(id), lines: [] }))
  return { state: 'broken', detail: `${ids.length} of ${followed.looked} charges`, findings }
}

function unseen(why: string): ReturnType<Look> {
  return { state: 'not looked at', detail: why, findings: [] }
}

function largest(...values: readonly (number | null | undefined)[]): number | undefined {
  const seen = values.filter(value => value !== null && value !== undefined)
  return seen.length === 0 ? undefined : Math.max(...seen)
}
