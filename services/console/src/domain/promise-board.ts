import type { Figures } from '../snapshot.ts'
import type { DoubleCharge, Followed } from './charge-ledger.ts'
import type { DoubleMail } from './mail-ledger.ts'

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
  /** Unset while the mails of the mail server cannot be read. */
  mails?: Readonly<{
    count: number
    doubles: readonly DoubleMail[]
    /** Deliveries that we call sent, and of which the mail server has no mail. Unset without `followed`. */
    missing?: readonly string[]
  }>
  /** Counted by the services since they started; unset where none answers. */
  serverErrors?: number
  deadLetters?: number
}>

/** The promises L1 and L3 in seconds. */
const paymentOpenMax = 90
const eventWaitsMax = 60
/** More of them add nothing for a person. */
const findingsMax = 20
const notFollowed = 'the log of the card provider or a database cannot be read'

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
  S3: ({ followed }) => {
    if (followed === undefined) return unseen(notFollowed)
    const { looked, unbooked } = followed
    return none(
      unbooked.map(id => `payment ${id} was charged, and is not in our ledger`),
      `${looked} charges of the last minutes were looked up in our ledger`,
    )
  },
  S6: ({ mails }) => {
    if (mails === undefined) return unseen('the mails of the mail server cannot be read')
    const { count, doubles, missing = [] } = mails
    return none(
      [
        ...doubles.map(({ listingId }) => `an address got different mails about ${listingId}`),
        ...missing.map(id => `delivery ${id} is called sent, and the mail server has no such mail`),
      ],
      `${count} mails of the mail server were counted per listing and address`,
    )
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
  L2: ({ followed }) => {
    if (followed === undefined) return unseen(notFollowed)
    const { looked, notLive } = followed
    return none(
      notLive.map(id => `publication ${id} was charged, and is not live`),
      `the publications of ${looked} charges of the last minutes were looked up`,
    )
  },
  L3: ({ figures }) =>
    atMost(
      largest(figures?.outboxAgeSeconds, figures?.stalledSeconds),
      eventWaitsMax,
      seconds => `no event has waited for longer than ${Math.round(seconds)} s`,
    ),
  L4: ({ followed }) => {
    if (followed === undefined) return unseen(notFollowed)
    const { unannounced, mailsWaiting, mailsSent } = followed
    return none(
      [
        ...unannounced.map(id => `listing ${id} is live, and was not announced`),
        ...mailsWaiting.map(id => `delivery ${id} waits`),
      ],
      `${mailsSent.length} mails about paid listings of the last minutes were sent`,
    )
  },
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

/** @param looked what was looked at, for a person */
function none(broken: readonly string[], looked: string): ReturnType<Look> {
  if (broken.length === 0) return { state: 'kept', detail: looked, findings: [] }
  const findings = broken.slice(0, findingsMax).map(what => ({ what, lines: [] }))
  return { state: 'broken', detail: `${broken.length} exceptions: ${looked}`, findings }
}

function unseen(why: string): ReturnType<Look> {
  return { state: 'not looked at', detail: why, findings: [] }
}

function largest(...values: readonly (number | null | undefined)[]): number | undefined {
  const seen = values.filter(value => value !== null && value !== undefined)
  return seen.length === 0 ? undefined : Math.max(...seen)
}
