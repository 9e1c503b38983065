import { expect, test } from 'vitest'
import type { HistoryLine } from '../auditor/evidence.ts'
import type { RecordedPayment, RecordedRows, RecordedSpan } from './recorded-payment.ts'
import { type Step, stepsOf } from './steps.ts'

const startMs = 1_790_000_000_000

type Answer = Pick<HistoryLine, 'status' | 'res'> & { type: 'ok' | 'fail' | 'info' }

/** Both lines of a request: when it began and ended, in milliseconds since the first one. */
function request(idx: number, fromMs: number, untilMs: number, answer: Answer): HistoryLine[] {
  const line = { run: 'r', idx, proc: '1', op: 'pay', tenant: 't', key: 'k', req: {} } as const
  return [
    { ...line, type: 'invoke', t: startMs + fromMs },
    { ...line, ...answer, t: startMs + untilMs },
  ]
}

const noAnswer = { type: 'info', status: 0, res: {} } as const
const pending = { type: 'info', status: 202, res: { status: 'pending' } } as const
const overloaded = { type: 'info', status: 503, res: { problem: 'overloaded' } } as const

function callToProvider(fromMs: number, untilMs: number, outcome: string): RecordedSpan {
  const name = 'card-provider charge'
  const times = { startMs: startMs + fromMs, endMs: startMs + untilMs }
  return { service: 'payments', name, peer: 'card-provider', outcome, ...times }
}

function charged(atMs: number) {
  return { t: startMs + atMs, seq: 1, type: 'intent.succeeded', amount: 9_900, currency: 'eur' }
}

type Parts = Partial<Omit<RecordedPayment, 'rows'>> & { rows?: Partial<RecordedRows> }

function payment({ rows, ...parts }: Parts): RecordedPayment {
  const empty: RecordedRows = {
    history: [],
    payments: [],
    paymentKeys: [],
    refunds: [],
    ledgerTransactions: [],
    paymentOutbox: [],
    publications: [],
    publicationKeys: [],
    listings: [],
    listingOutbox: [],
    listingInbox: [],
    provider: [],
    records: [],
    notificationInbox: [],
    deliveries: [],
    mails: [],
  }
  const other = { op: 'pay', outOf: 1, broken: [], faults: [], spans: [], starts: [] } as const
  return { ...other, ...parts, rows: { ...empty, ...rows } }
}

/** Like `client>payments message pay`. */
function drawn(steps: readonly Step[]): string[] {
  return steps.map(({ from, to, kind, text }) => `${to ? `${from}>${to}` : from} ${kind} ${text}`)
}

test('a request without an answer never comes back, and the answer to the next one is a repeated one', () => {
  const again = { status: 201, res: { status: 'captured', replayed: true }, type: 'ok' } as const
  const history = [...request(1, 0, 122, noAnswer), ...request(2, 400, 410, again)]
  expect(drawn(stepsOf(payment({ rows: { history } })))).toEqual([
    'client>payments message pay',
    'client gave-up no answer in 122 ms',
    'client>payments message pay again, request 2',
    'payments>client repeated 201 captured as before',
  ])
})

test('a refused request ends at a wall, unless the service has asked somebody else meanwhile', () => {
  const history = request(1, 0, 20, overloaded)
  expect(drawn(stepsOf(payment({ rows: { history } })))).toEqual([
    'client>payments wall pay: 503 overloaded',
  ])
  const spans = [callToProvider(5, 10, 'not-sent')]
  expect(drawn(stepsOf(payment({ rows: { history }, spans })))).toEqual([
    'client>payments message pay',
    'payments>provider wall card-provider charge: not-sent',
    'payments>client answer 503 overloaded',
  ])
})

test('a call whose answer was lost is given up by its caller, and only the card knows of the charge', () => {
  const history = request(1, 0, 2_100, pending)
  const spans = [callToProvider(10, 2_010, 'unknown')]
  const steps = stepsOf(payment({ rows: { history, provider: [charged(30)] }, spans }))
  expect(drawn(steps)).toEqual([
    'client>payments message pay',
    'payments>provider message card-provider charge',
    'truth fact charged 99.00 EUR',
    'payments gave-up card-provider charge: gave up after 2.0 s',
    'payments>client answer 202 pending',
  ])
})

test('a charge in no trace is drawn as a call, unless the provider had delayed the request', () => {
  const history = request(1, 0, 2_100, pending)
  expect(drawn(stepsOf(payment({ rows: { history, provider: [charged(30)] } })))).toEqual([
    'client>payments message pay',
    'payments>provider message a call that only the provider wrote down',
    'truth fact charged 99.00 EUR',
    'payments>client answer 202 pending',
  ])
  const delayed = { t: startMs + 20, seq: 1, type: 'request.delayed' }
  const provider = [delayed, charged(30)]
  expect(drawn(stepsOf(payment({ rows: { history, provider } })))).not.toContain(
    'payments>provider message a call that only the provider wrote down',
  )
})

test('a long row of requests that ended alike is drawn by its ends, and says how many are missing', () => {
  const history = Array.from({ length: 10 }, (_unused, at) =>
    request(at + 1, at * 100, at * 100 + 10, pending),
  ).flat()
  expect(drawn(stepsOf(payment({ rows: { history } })))).toEqual([
    'client>payments message pay',
    'payments>client answer 202 pending',
    'client>payments message pay again, request 2',
    'payments>client answer 202 pending',
    'client folded 7 more, and each: 202 pending',
    'client>payments message pay again, request 10',
    'payments>client answer 202 pending',
  ])
})

test('rows of one transaction are one arrow', () => {
  const postedAt = startMs + 50.123
  const ids = { tenantId: 't', paymentId: 'p' }
  const steps = stepsOf(
    payment({
      rows: {
        history: request(1, 0, 60, pending),
        ledgerTransactions: [
          { ...ids, transactionId: '1', source: 'capture', sourceId: 'p', postedAt },
        ],
        paymentOutbox: [
          { eventId: 'e', topic: 'x', aggregateId: 'p', createdAt: postedAt, publishedAt: null },
        ],
      },
    }),
  )
  expect(drawn(steps)).toContain('payments>database message ledger: capture + event in outbox')
})

test('what is missing at the end is said: an event that nobody took, and a payment without an event', () => {
  const row = {
    paymentId: 'p',
    tenantId: 't',
    listingId: 'l',
    publicationId: 'u',
    amountCents: 9_900,
    currency: 'EUR',
    status: 'captured',
    providerPaymentId: 'pi',
    requestedAction: null,
    taxCents: 0,
    refundedCents: 0,
    version: 2,
    createdAt: startMs + 10,
    updatedAt: startMs + 50,
  }
  const history = request(1, 0, 60, pending)
  const untold = payment({ rows: { history, payments: [row] } })
  expect(drawn(stepsOf(untold)).at(-1)).toBe('payments gave-up captured, and no event ever says so')

  const event = {
    eventId: 'e',
    type: 'payment.captured',
    tenantId: 't',
    aggregateId: 'p',
    aggregateVersion: 2,
    occurredAt: startMs + 50,
    listingId: 'l',
    publicationId: 'u',
    paymentId: 'p',
  }
  const records = [{ topic: 'payments.v1', partition: 0, offset: 7, t: startMs + 70, event }]
  const told = { history, payments: [row], records }
  expect(drawn(stepsOf(payment({ rows: told }))).at(-1)).toBe(
    'kafka gave-up payment.captured was never taken',
  )
  const listingInbox = [{ consumer: 'listings', eventId: 'e', appliedAt: startMs + 80 }]
  const taken = drawn(stepsOf(payment({ rows: { ...told, listingInbox } })))
  expect(taken.join()).not.toContain('never')
})

test('a fault is seen only if it was there while something happened', () => {
  const fault = (what: string, fromMs: number, untilMs: number | null) => ({
    what,
    fromMs: startMs + fromMs,
    untilMs: untilMs === null ? null : startMs + untilMs,
  })
  const faults = [
    fault('over', -500, -100),
    fault('before', -200, 50),
    fault('meanwhile', 40, null),
    fault('later', 200, 300),
  ]
  const steps = stepsOf(payment({ rows: { history: request(1, 0, 100, pending) }, faults }))
  expect(drawn(steps)).toEqual([
    'client fault-begin since 200 ms: before',
    'client>payments message pay',
    'client fault-begin begins: meanwhile',
    'client fault-end ends: before',
    'payments>client answer 202 pending',
  ])
})
