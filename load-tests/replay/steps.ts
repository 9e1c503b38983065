import { type Attempt, pairAttempts } from '../auditor/attempts.ts'
import type { ProviderLine } from '../auditor/evidence.ts'
import type { RecordedPayment, RecordedSpan } from './recorded-payment.ts'
import { rowSteps } from './row-steps.ts'

/** The participants from left to right. `truth` has what only the provider knows. */
export const lanes = {
  client: 'client',
  listings: 'listings',
  payments: 'payments',
  database: 'PostgreSQL',
  provider: 'provider',
  truth: 'card',
  kafka: 'Kafka',
  notifications: 'notifications',
  mail: 'mail server',
} as const
export type Lane = keyof typeof lanes

/**
 * What is drawn for a step:
 * - `message`: an arrow
 * - `answer`: an arrow back; `repeated`: the same, dashed, because it is the answer to an earlier request
 * - `wall`: an arrow that ends at a wall before its receiver, who began nothing
 * - `gave-up`: a mark at a sender whose arrow never came back
 * - `fact`: a mark at the one who wrote it down
 * - `folded`: words that stand for steps that look like the ones before
 * - `fault-begin`, `fault-end`: a line over all lanes
 */
export type StepKind =
  | 'message'
  | 'answer'
  | 'repeated'
  | 'wall'
  | 'gave-up'
  | 'fact'
  | 'folded'
  | 'fault-begin'
  | 'fault-end'

export type Step = Readonly<{
  /** Milliseconds since 1970. */
  t: number
  kind: StepKind
  from: Lane
  /** Unset for marks and lines. */
  to?: Lane
  text: string
}>

/** More steps than these are no picture any more. */
const stepsMax = 120
/** So many are drawn at each end of a long row of requests that ended alike. */
const sameKept = { first: 2, last: 1 } as const
const msPerSecond = 1_000

/** The steps of one payment in the order of time, each from a line that was written down. */
export function stepsOf(payment: RecordedPayment): Step[] {
  const { rows, spans, starts, faults } = payment
  const own = [
    ...attemptSteps(payment),
    ...callSteps(spans),
    ...rows.provider.flatMap(line => providerSteps(line, payment)),
    ...consumerSteps(spans),
    ...rowSteps(rows),
  ]
  const lifeMs = {
    first: Math.min(...own.map(({ t }) => t)),
    last: Math.max(...own.map(({ t }) => t)),
  }
  const restarts = starts
    .filter(({ t }) => t > lifeMs.first && t < lifeMs.last)
    .map(
      ({ service, t }): Step => ({ t, kind: 'fact', from: service, text: 'a new process serves' }),
    )
  const others = [...restarts, ...faultSteps(faults, lifeMs), ...missingSteps(payment, lifeMs.last)]
  const steps = [...own, ...others].toSorted((a, b) => a.t - b.t)
  const left = steps.length - stepsMax
  if (left <= 0) return steps
  const text = `${left} later steps are not drawn`
  return [...steps.slice(0, stepsMax), { t: lifeMs.last, kind: 'folded', from: 'client', text }]
}

/** When the first request was sent. Times on a page count from here. */
export function startOf(steps: readonly Step[]): number {
  return steps.find(({ kind }) => kind === 'message' || kind === 'wall')?.t ?? 0
}

/** Something that happened again and again: how it ended, and what is drawn for it. */
type Item = Readonly<{ end: string; steps: readonly Step[] }>

/** Draws only the first and the last ones of a long row of items with the same end. */
function fold(items: readonly Item[]): Step[] {
  const rows: Item[][] = []
  for (const item of items) {
    const row = rows.at(-1)
    if (row?.[0]?.end === item.end) row.push(item)
    else rows.push([item])
  }
  return rows.flatMap(row => {
    const left = row.slice(sameKept.first, -sameKept.last)
    const [from] = left[0]?.steps ?? []
    if (left.length < 2 || from === undefined) return row.flatMap(({ steps }) => steps)
    const text = `${left.length} more, and each: ${row[0]?.end}`
    return [
      ...row.slice(0, sameKept.first).flatMap(({ steps }) => steps),
      { t: from.t, kind: 'folded', from: from.from, text } as const,
      ...row.slice(-sameKept.last).flatMap(({ steps }) => steps),
    ]
  })
}

/** Answers that say that nothing was begun. Any other answer comes from a service that has looked. */
const wallStatuses = new Set([400, 401, 403, 404, 409, 413, 422, 429])

/** Each request of the client, and its answer. */
function attemptSteps({ rows, spans }: RecordedPayment): Step[] {
  const attempts = pairAttempts(rows.history).attempts.toSorted((a, b) => a.startedAt - b.startedAt)
  return fold(
    attempts.map((attempt, at) => ({
      end: endOf(attempt),
      steps: drawAttempt(attempt, at + 1, spans),
    })),
  )
}

function endOf({ status = 0, res, endedAt, startedAt }: Attempt): string {
  if (status === 0) {
    return endedAt === undefined
      ? 'never ended'
      : `no answer in ${durationText(endedAt - startedAt)}`
  }
  const { problem, payment, status: state } = res
  const said = problem ?? payment ?? state
  return [status, said, res.replayed && 'as before'].filter(Boolean).join(' ')
}

function drawAttempt(attempt: Attempt, number: number, spans: readonly RecordedSpan[]): Step[] {
  const { op, status = 0, startedAt, endedAt, res } = attempt
  const to = op === 'publish' ? 'listings' : 'payments'
  const end = endOf(attempt)
  const asked = { t: startedAt, from: 'client', to } as const
  const text = number === 1 ? op : `${op} again, request ${number}`
  // A service that called another one meanwhile has begun something.
  const hasAsked = spans.some(
    ({ service, startMs }) =>
      laneOf(service) === to && startMs >= startedAt && startMs <= (endedAt ?? startedAt),
  )
  const isRefusal = wallStatuses.has(status) || (status === 503 && res.problem === 'overloaded')
  if (isRefusal && !hasAsked) return [{ ...asked, kind: 'wall', text: `${text}: ${end}` }]
  const request: Step = { ...asked, kind: 'message', text }
  if (endedAt === undefined) return [request]
  if (status === 0) return [request, { t: endedAt, kind: 'gave-up', from: 'client', text: end }]
  const kind = res.replayed ? 'repeated' : 'answer'
  return [request, { t: endedAt, kind, from: to, to: 'client', text: end }]
}

const callLanes: Readonly<Record<string, Lane>> = {
  payments: 'payments',
  'card-provider': 'provider',
}

/** Calls from one service to another, as the caller traced them. */
function callSteps(spans: readonly RecordedSpan[]): Step[] {
  const calls = spans
    .filter(({ peer }) => peer !== undefined && peer in callLanes)
    .toSorted((a, b) => a.startMs - b.startMs)
  return fold(calls.map(call => ({ end: callEnd(call), steps: drawCall(call) })))
}

/** Outcomes of calls of which nothing was sent. */
export const notSent: ReadonlySet<string> = new Set(['shed', 'not-sent'])

function callEnd({ name, outcome = '', startMs, endMs }: RecordedSpan): string {
  if (outcome === 'unknown') return `${name}: gave up after ${durationText(endMs - startMs)}`
  return `${name}: ${outcome}`
}

function drawCall(call: RecordedSpan): Step[] {
  const { service, peer = '', name, outcome = '', startMs, endMs } = call
  const from = laneOf(service)
  const to = callLanes[peer] ?? 'provider'
  if (notSent.has(outcome)) {
    return [{ t: startMs, kind: 'wall', from, to, text: `${name}: ${outcome}` }]
  }
  const sent: Step = { t: startMs, kind: 'message', from, to, text: name }
  if (outcome === 'unknown') {
    return [sent, { t: endMs, kind: 'gave-up', from, text: callEnd(call) }]
  }
  return [sent, { t: endMs, kind: 'answer', from: to, to: from, text: callEnd(call) }]
}

function laneOf(service: string): Lane {
  if (service === 'listings' || service === 'notifications') return service
  return 'payments'
}

/** What the provider wrote down, in words. `${money}` is the amount. */
const providerWords: Readonly<Record<string, (money: string) => string>> = {
  'intent.created': money => `nothing yet: an intent of ${money}`,
  'intent.authorized': money => `${money} reserved`,
  'intent.succeeded': money => `charged ${money}`,
  'intent.captured': money => `charged ${money}, reserved before`,
  'intent.declined': () => 'declined',
  'intent.canceled': money => `let go of ${money}`,
  'refund.succeeded': money => `${money} given back`,
}

/** The same for what is no change of the card. */
const faultWords: Readonly<Record<string, string>> = {
  'request.dropped': 'the request is lost before anything happens',
  'request.delayed': 'the request is kept, and carried out later',
  'request.repeated': 'the late request had been carried out before',
  'reply.withheld': 'the answer is lost',
  'reply.error': 'it answers 500, although it has done it',
  'webhook.sent': 'webhook',
  'webhook.dropped': 'the webhook is lost',
  'webhook.abandoned': 'the webhook is given up',
}

const centsPerUnit = 100

function providerSteps(line: ProviderLine, { rows, spans }: RecordedPayment): Step[] {
  const { t, type, amount = 0, currency = '' } = line
  if (type === 'webhook.sent') {
    return [{ t, kind: 'message', from: 'provider', to: 'payments', text: 'webhook' }]
  }
  const money = `${(amount / centsPerUnit).toFixed(2)} ${currency.toUpperCase()}`
  const changes = providerWords[type]
  const fact: Step = changes
    ? { t, kind: 'fact', from: 'truth', text: changes(money) }
    : { t, kind: 'fact', from: 'provider', text: faultWords[type] ?? type }
  // A process that is killed takes its last spans with it. Then only the provider knows of the call.
  const isTraced = spans.some(
    ({ peer, startMs, endMs }) =>
      peer === 'card-provider' && startMs - clockSlackMs <= t && t <= endMs + clockSlackMs,
  )
  const wasDelayed = rows.provider.some(
    ({ type: kind, t: at }) => kind === 'request.delayed' && at < t,
  )
  if (isTraced || wasDelayed || !changes) return [fact]
  const text = 'a call that only the provider wrote down'
  return [{ t, kind: 'message', from: 'payments', to: 'provider', text }, fact]
}

/** Times come from different processes of one machine. */
const clockSlackMs = 5

/** Events that a consumer took, and mails that were sent. */
function consumerSteps(spans: readonly RecordedSpan[]): Step[] {
  return spans.flatMap((span): Step[] => {
    const { service, name, startMs, endMs, failed } = span
    const at = laneOf(service)
    if (name.startsWith('process ')) {
      return [
        { t: startMs, kind: 'message', from: 'kafka', to: at, text: name.slice('process '.length) },
      ]
    }
    if (name === 'send mail') {
      const text = failed ? 'send mail: failed' : 'send mail'
      return [{ t: startMs, kind: 'message', from: 'notifications', to: 'mail', text }]
    }
    if (!name.startsWith('reconcile') && !name.startsWith('resume')) return []
    const took = `a job goes on with it: ${name} (${durationText(endMs - startMs)})`
    return [{ t: startMs, kind: 'fact', from: at, text: took }]
  })
}

/** What should have been written down by the end, and was not. */
function missingSteps({ rows, spans }: RecordedPayment, t: number): Step[] {
  const events = rows.records.flatMap(({ event }) => event ?? [])
  const told = new Set(events.map(({ type, paymentId }) => `${type} ${paymentId}`))
  const untold = rows.payments.filter(
    ({ status, paymentId }) => status === 'captured' && !told.has(`payment.captured ${paymentId}`),
  )
  const inboxes = [...rows.listingInbox, ...rows.notificationInbox]
  const applied = new Set(inboxes.map(({ eventId }) => eventId))
  const putAside = rows.records.some(({ deadLetter }) => deadLetter !== undefined)
  const ignored = events.filter(
    ({ eventId, type }) =>
      !applied.has(eventId) && !putAside && !spans.some(({ name }) => name === `process ${type}`),
  )
  return [
    ...untold.map((): Step => {
      return { t, kind: 'gave-up', from: 'payments', text: 'captured, and no event ever says so' }
    }),
    ...ignored.map(({ type }): Step => {
      return { t, kind: 'gave-up', from: 'kafka', text: `${type} was never taken` }
    }),
  ]
}

/** The faults that were there while something happened. */
function faultSteps(
  faults: RecordedPayment['faults'],
  life: Readonly<{ first: number; last: number }>,
): Step[] {
  const seen = faults.filter(
    ({ fromMs, untilMs }) => fromMs <= life.last && (untilMs ?? life.last) >= life.first,
  )
  return seen.flatMap(({ what, fromMs, untilMs }): Step[] => {
    const since = `since ${durationText(life.first - fromMs)}: ${what}`
    const begin = {
      t: Math.max(fromMs, life.first - 1),
      kind: 'fault-begin',
      from: 'client',
      text: fromMs < life.first ? since : `begins: ${what}`,
    } as const
    if (untilMs === null || untilMs > life.last) return [begin]
    return [begin, { t: untilMs, kind: 'fault-end', from: 'client', text: `ends: ${what}` }]
  })
}

function durationText(ms: number): string {
  return ms < msPerSecond ? `${Math.round(ms)} ms` : `${(ms / msPerSecond).toFixed(1)} s`
}
