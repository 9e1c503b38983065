import {
  checkAcknowledgedIsKept,
  checkDeclinedIsNotCharged,
  checkNoServerError,
  checkOneAnswer,
  checkPaidIsCaptured,
  checkRefundedIsGivenBack,
} from './checks/answers.ts'
import {
  checkAuthorizations,
  checkMoney,
  checkOneCharge,
  checkOneRefund,
} from './checks/charges.ts'
import {
  checkAccounting,
  checkNoDeadLetter,
  type DeadLetterOptions,
} from './checks/dead-letters.ts'
import { checkNoLostEvent, checkNoPhantomEvent, checkOrderOfVersions } from './checks/events.ts'
import { checkLedger } from './checks/ledger.ts'
import { checkLiveness } from './checks/liveness.ts'
import { checkNotifiedOnce } from './checks/notified-once.ts'
import { checkReconciliation } from './checks/reconciliation.ts'
import { checkRecovery } from './checks/recovery.ts'
import { checkRefunds } from './checks/refunds.ts'
import { checkStates } from './checks/states.ts'
import { checkVisibleIsPaid } from './checks/visibility.ts'
import type { SourceName } from './evidence.ts'
import type { Facts } from './facts.ts'
import type { Finding, PromiseCode } from './verdict.ts'

export type Check = Readonly<{
  check: (facts: Facts, options: DeadLetterOptions) => Finding[]
  /** The check runs only when all of these were read: it would take silence for a broken promise. */
  needs: readonly SourceName[]
}>

export type SystemPromise = Readonly<{
  code: PromiseCode
  /** One sentence, which reads well after "S4: ". */
  statement: string
  howChecked: string
  /** The checks of the auditor. The list is empty where no source of a run could tell. */
  checks: readonly Check[]
  /** Tests that check what the auditor cannot see in a run. */
  tests?: readonly string[]
}>

/** Accounts for every record of a topic: S14 as a whole, and for S6 that an event is applied at all. */
const accounting: Check = {
  check: checkAccounting,
  needs: ['records', 'listingInbox', 'notificationInbox'],
}

/** Reports whatever was still under way at the end, each under the promise that it would be done. */
const liveness: Check = { check: checkLiveness, needs: ['quiescence', 'listings'] }

/** Everything that the system promises, and how it is checked. `docs/promises.md` is made from this table. */
export const promises: readonly SystemPromise[] = [
  {
    code: 'S1',
    statement:
      'the card provider captures at most once per tenant and idempotency key, and at most once per payment',
    howChecked:
      "Captures and refunds in the provider's own log are counted per key of a client, payment, publication and refund.",
    checks: [
      { check: checkOneCharge, needs: ['provider'] },
      { check: checkOneRefund, needs: ['provider'] },
    ],
  },
  {
    code: 'S2',
    statement:
      'every ledger transaction sums to zero in each currency, and the ledger is append-only',
    howChecked:
      'Each transaction is summed per currency, and there must be exactly one for each captured payment and each refund, with its amounts.',
    checks: [
      {
        check: checkLedger,
        needs: ['payments', 'refunds', 'ledgerTransactions', 'ledgerEntries'],
      },
    ],
    tests: ['services/payments/test/money.integration.test.ts'],
  },
  {
    code: 'S3',
    statement:
      'money is conserved: the ledger equals the provider log, and refunds never exceed captures',
    howChecked:
      'Payments, authorizations, refunds, publications and the ledger are compared with the provider log in both directions.',
    checks: [
      { check: checkMoney, needs: ['provider', 'payments'] },
      { check: checkAuthorizations, needs: ['provider'] },
      { check: checkRefunds, needs: ['provider', 'payments', 'refunds'] },
      {
        check: checkReconciliation,
        needs: ['provider', 'payments', 'refunds', 'ledgerTransactions', 'ledgerEntries'],
      },
    ],
  },
  {
    code: 'S4',
    statement: 'every committed event is published',
    howChecked:
      'Every settled payment, every live listing and every outbox row that is marked as published must have its event on the topic.',
    checks: [{ check: checkNoLostEvent, needs: ['records'] }],
  },
  {
    code: 'S4b',
    statement: 'no event is published about something that did not happen',
    howChecked:
      'Every event on a topic must agree with the tables, and one change of an aggregate must have one event id.',
    checks: [{ check: checkNoPhantomEvent, needs: ['payments', 'listings', 'publications'] }],
  },
  {
    code: 'S4c',
    statement: 'the versions of an aggregate first appear in order',
    howChecked:
      'All events of an aggregate must be in one partition, and their versions must rise with the offsets.',
    checks: [{ check: checkOrderOfVersions, needs: ['records'] }],
  },
  {
    code: 'S5',
    statement: 'no listing is visible anywhere unless its payment was captured',
    howChecked:
      'Every listing that the public search finds, or that is live in the table, needs a capture that is older than its publication.',
    checks: [{ check: checkVisibleIsPaid, needs: ['provider', 'listings', 'publications'] }],
  },
  {
    code: 'S6',
    statement:
      'a recipient is notified once per event and channel, and a consumer applies each event id once',
    howChecked:
      'Deliveries, accepted mails and inboxes are counted; a mail may come again only after a fault, and at most three times.',
    checks: [{ check: checkNotifiedOnce, needs: ['deliveries', 'mails', 'faultLog'] }, accounting],
  },
  {
    code: 'S7',
    statement: 'one key has one answer, and the same key never succeeds with another body',
    howChecked: 'All final answers that clients got under one key are compared with each other.',
    checks: [{ check: checkOneAnswer, needs: ['history'] }],
  },
  {
    code: 'S8',
    statement: 'states only move forward, and a 201 means that the money was really captured',
    howChecked:
      'The states that clients saw are ordered by time, and every positive answer is looked up in the provider log.',
    checks: [
      { check: checkStates, needs: ['publications'] },
      {
        check: checkPaidIsCaptured,
        needs: ['provider', 'publications', 'paymentKeys', 'publicationKeys'],
      },
      { check: checkRefundedIsGivenBack, needs: ['provider', 'refunds', 'paymentKeys'] },
    ],
  },
  {
    code: 'S9',
    statement:
      'a client that was told "declined" was never charged, or was refunded and told about it',
    howChecked:
      'Every key that was answered "declined", and every payment that was shown as declined, is looked up in the provider log.',
    checks: [{ check: checkDeclinedIsNotCharged, needs: ['provider', 'history'] }],
  },
  {
    code: 'S10',
    statement: 'nothing that was acknowledged is lost',
    howChecked:
      'Everything that a client got a 2xx for must be in the tables, of the same tenant, and as final as the answer said.',
    checks: [
      {
        check: checkAcknowledgedIsKept,
        needs: ['listings', 'publications', 'payments', 'refunds'],
      },
    ],
  },
  {
    code: 'S11',
    statement: 'no tenant sees or changes what belongs to another tenant',
    howChecked: 'Tests ask for the data of other tenants, over HTTP and by SQL.',
    checks: [],
    tests: [
      'services/payments/test/tenant-isolation.integration.test.ts',
      'services/listings/test/tenant-isolation.integration.test.ts',
    ],
  },
  {
    code: 'S12',
    statement:
      'no log, trace, metric or dead letter has a secret, a card token or an e-mail address',
    howChecked:
      'Tests search the output of the services and of the logger for what was sent to them.',
    checks: [],
    tests: [
      'packages/runtime/src/telemetry/logger.test.ts',
      'services/payments/test/payments.integration.test.ts',
    ],
  },
  {
    code: 'S14',
    statement: 'every consumed record was applied, was a duplicate, or is dead-lettered',
    howChecked:
      'Every record of a topic must be in the inbox of its consumer or among its dead letters, and in a healthy system there is no dead letter.',
    checks: [
      accounting,
      { check: checkNoDeadLetter, needs: ['records', 'publications', 'faultLog'] },
    ],
  },
  {
    code: 'S15',
    statement: 'no answer is a 500, and no rejection stays unhandled',
    howChecked:
      'The answers of all clients are searched for a 500; a test shows that an unhandled rejection ends the process with its reason in the log.',
    checks: [{ check: checkNoServerError, needs: ['history'] }],
    tests: ['packages/runtime/test/lifecycle.integration.test.ts'],
  },
  {
    code: 'L1',
    statement: 'every pending payment is final in 90 s',
    howChecked:
      'At the end of a wait of at most 90 s, no payment, refund, publication or requested action may be pending.',
    checks: [liveness],
  },
  {
    code: 'L2',
    statement: 'a paid listing is visible in 30 s',
    howChecked:
      'At the end of the wait, every listing with a captured payment must be live and found by the public search.',
    checks: [liveness],
  },
  {
    code: 'L3',
    statement: 'the outbox is empty and the consumer lag is zero in 60 s',
    howChecked:
      'At the end of the wait, no outbox may have an unpublished event, and every consumer group must be at the end of its topic.',
    checks: [liveness],
  },
  {
    code: 'L4',
    statement: 'every notification is delivered, or has ended with a reason',
    howChecked: 'At the end of the wait, every delivery must be sent, or failed with a reason.',
    checks: [liveness],
  },
  {
    code: 'L5',
    statement: 'the system is in its steady state, with closed circuit breakers, in 30 s',
    howChecked:
      'After the last fault there must be five seconds in which 99 % of the answers are honest and half are no refusal.',
    checks: [{ check: checkRecovery, needs: ['history', 'faultLog'] }],
    tests: ['packages/patterns/test/outbound-call.integration.test.ts'],
  },
  {
    code: 'L6',
    statement: 'a process exits within 10 s of SIGTERM, and drops no request',
    howChecked:
      'Tests stop a service while it answers, while Kafka is away, and while callers are silent; one restarts two instances of every service in turn, under load.',
    checks: [],
    tests: [
      'load-tests/test/two-instances.load.test.ts',
      'packages/runtime/test/lifecycle.integration.test.ts',
      'packages/runtime/test/http-server-closing.integration.test.ts',
      'packages/runtime/test/kafka-process.integration.test.ts',
    ],
  },
  {
    code: 'L7',
    statement: 'one bad record delays its partition by less than 5 s',
    howChecked:
      'A test writes bad records before a good one, and waits for the good one to be applied.',
    checks: [],
    tests: ['packages/runtime/test/kafka.integration.test.ts'],
  },
  {
    code: 'L8',
    statement: 'the goodput is back within 30 s after an overload ends',
    howChecked:
      'The experiment `metastability` requires it after a slow provider. The storm measures it after its tenfold load, and asserts no bound yet.',
    checks: [],
  },
]

const statements = new Map(promises.map(({ code, statement }) => [code, statement]))

/** A code with its meaning, wherever a person reads it: "S4: every committed event is published". */
export function explainPromise(code: PromiseCode): string {
  return `${code}: ${statements.get(code)}`
}
