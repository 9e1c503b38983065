import type { Figures } from '../snapshot.ts'
import type { DoubleCharge } from './charge-ledger.ts'

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
  /** Counted by the services since they started; unset where none answers. */
  serverErrors?: number
  deadLetters?: number
}>

/** The promises L1 and L3 in seconds. */
const paymentOpenMax = 90
const eventWaitsMax = 60

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

function unseen(why: string): ReturnType<Look> {
  return { state: 'not looked at', detail: why, findings: [] }
}

function largest(...values: readonly (number | null | undefined)[]): number | undefined {
  const seen = values.filter(value => value !== null && value !== undefined)
  return seen.length === 0 ? undefined : Math.max(...seen)
}
