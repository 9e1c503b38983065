import { type Invariant, invariants } from '@nightshift/load-tests/auditor/verdict'

/** A promise of the system, for the page about promises. */
export type DocumentedPromise = Readonly<{
  code: string
  /** One sentence without a capital and a full stop, which reads well after "S4: ". */
  statement: string
  howChecked: string
  /** Tests that check what the auditor cannot see in a run. */
  tests: readonly string[]
}>

/** The list of promises: those of the auditor, and those that only tests can check. */
export function auditorPromises(): readonly DocumentedPromise[] {
  const codes = [...Object.keys(invariants), ...Object.keys(checkedByTests)] as Code[]
  return codes
    .map(code => ({ code, tests: testsOf[code] ?? [], ...words[code] }))
    .toSorted((a, b) => placeOf(a.code) - placeOf(b.code))
}

/** Safety comes before liveness, and numbers go up. */
function placeOf(code: string): number {
  const [, kind, number, part = ''] = /^([SL])(\d+)([a-z]?)$/.exec(code) ?? []
  return (
    (kind === 'S' ? 0 : 1_000) + Number(number) * 10 + (part === '' ? 0 : part.charCodeAt(0) - 96)
  )
}

const checkedByTests = { S11: true, S12: true, L6: true, L7: true, L8: true }

type Code = Invariant | keyof typeof checkedByTests

const testsOf: Partial<Record<Code, readonly string[]>> = {
  S2: ['services/payments/test/money.integration.test.ts'],
  S11: [
    'services/payments/test/tenant-isolation.integration.test.ts',
    'services/listings/test/tenant-isolation.integration.test.ts',
  ],
  S12: ['packages/runtime/src/telemetry/logger.test.ts'],
  L5: ['packages/patterns/test/outbound-call.integration.test.ts'],
  L6: [
    'packages/runtime/test/lifecycle.integration.test.ts',
    'packages/runtime/test/http-server-closing.integration.test.ts',
    'packages/runtime/test/kafka-process.integration.test.ts',
  ],
  L7: ['packages/runtime/test/kafka.integration.test.ts'],
}

const words: Readonly<Record<Code, { statement: string; howChecked: string }>> = {
  S1: {
    statement:
      'the card provider captures at most once per tenant and idempotency key, and at most once per payment',
    howChecked:
      "Captures and refunds in the provider's own log are counted per client key, payment, publication and refund.",
  },
  S2: {
    statement:
      'every ledger transaction sums to zero in each currency, and the ledger is append-only',
    howChecked:
      'Each transaction is summed per currency. Each captured payment and each refund that was made has one transaction, with its amounts.',
  },
  S3: {
    statement:
      'money is conserved: the ledger equals the provider log, and refunds never exceed captures',
    howChecked:
      'Payments, authorizations, refunds, publications and the ledger are compared with the provider log, in both directions.',
  },
  S4: {
    statement: 'every committed event is published',
    howChecked:
      'Every captured or declined payment, every live listing and every outbox row that is marked as published must have its event on the topic.',
  },
  S4b: {
    statement: 'no event is published about something that did not happen',
    howChecked: 'Every event on a topic must agree with the tables.',
  },
  S4c: {
    statement: 'the versions of an aggregate first appear in order',
    howChecked:
      'All events of an aggregate must be in one partition, and their versions must rise with the offsets.',
  },
  S5: {
    statement: 'no listing is visible anywhere unless its payment was captured',
    howChecked:
      'Every listing that the public search finds, or that is live in the table, needs a capture in the provider log.',
  },
  S6: {
    statement:
      'a recipient is notified once per event and channel, and a consumer applies each event id once',
    howChecked:
      'Deliveries, accepted mails and inboxes are counted. A mail may come again only after a fault, and three times at most.',
  },
  S7: {
    statement: 'one key has one answer, and the same key never succeeds with another body',
    howChecked: 'All final answers that clients got under one key are compared with each other.',
  },
  S8: {
    statement: 'states only move forward, and a 201 means that the money was really captured',
    howChecked:
      'The states that clients saw are ordered by time, and every positive answer is looked up in the provider log.',
  },
  S9: {
    statement:
      'a client that was told "declined" was never charged, or was refunded and told about it',
    howChecked:
      'Every key that was answered "declined" is looked up in the provider log, and so is every payment that is declined.',
  },
  S10: {
    statement: 'nothing that was acknowledged is lost',
    howChecked:
      'Everything that a client got a 2xx for must be in the tables, of the same tenant, and as final as the answer said.',
  },
  S11: {
    statement: 'no tenant sees or changes what belongs to another tenant',
    howChecked: 'Tests ask for the data of other tenants, over HTTP and by SQL.',
  },
  S12: {
    statement:
      'no log, trace, metric or dead letter has a secret, a card token or an e-mail address',
    howChecked: 'Tests look for what they sent in the output of the logger.',
  },
  S14: {
    statement: 'every consumed record was applied, was a duplicate, or is dead-lettered',
    howChecked:
      'Every record of a topic must be in the inbox of its consumer or among its dead letters. In a healthy system there are no dead letters.',
  },
  S15: {
    statement: 'no answer is a 500, and no rejection stays unhandled',
    howChecked:
      'The answers of all clients are searched for a 500. An unhandled rejection ends the process with an error line.',
  },
  L1: {
    statement: 'every pending payment is final in 90 s',
    howChecked:
      'After a wait of at most 90 s, no payment, refund, publication or requested action may be pending.',
  },
  L2: {
    statement: 'a paid listing is visible in 30 s',
    howChecked:
      'After the wait, every listing with a captured payment must be live and found by the public search.',
  },
  L3: {
    statement: 'the outbox is empty and the consumer lag is zero in 60 s',
    howChecked:
      'After the wait, no outbox may have an unpublished event, and every consumer must be at the end of its topic.',
  },
  L4: {
    statement: 'every notification is delivered, or has ended with a reason',
    howChecked: 'After the wait, every delivery must be sent, or have ended with a reason.',
  },
  L5: {
    statement: 'the system is in its steady state, with closed circuit breakers, in 30 s',
    howChecked:
      'After the last fault there must be five seconds in which 99 % of the answers are honest and half are no refusal.',
  },
  L6: {
    statement: 'a process exits within 10 s of SIGTERM, and drops no request',
    howChecked:
      'Tests stop a process while it answers, while Kafka is away, and while callers are silent.',
  },
  L7: {
    statement: 'one bad record delays its partition by less than 5 s',
    howChecked:
      'Tests write bad records before a good one, and wait until the good one is applied.',
  },
  L8: {
    statement: 'the goodput is back within 30 s after an overload ends',
    howChecked:
      'The storm measures the goodput after its tenfold load. No bound is asserted on it yet.',
  },
}
