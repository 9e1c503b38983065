import { limits as listings } from '@nightshift/listings/limits'
import { defaultPortBase, portPlan } from '@nightshift/local/ports/ports'
import { proxyLimits } from '@nightshift/local/proxy/limits'
import { makeSecrets } from '@nightshift/local/system/secrets'
import { topology } from '@nightshift/local/system/topology'
import { limits as notifications } from '@nightshift/notifications/limits'
import { limits as payments } from '@nightshift/payments/limits'
import { sendDeadlineMs } from '@nightshift/runtime/kafka/producer'
import { limits as cardProvider } from '../../infra/simulators/card-provider/src/limits.ts'
import { proxyPath, proxyRelations } from './proxy-timeouts.ts'

/** One wait: where its number stands, how long it is, and what happens when it is over. */
export type Wait = Readonly<{ limit: string; ms: number; what: string; afterwards: string }>

export type WaitPath = Readonly<{ title: string; introduction: string; waits: readonly Wait[] }>

/** Waits of two services that must fit each other. No service can assert these by itself. */
export type Relation = Readonly<{
  longer: string
  longerMs: number
  shorter: string
  shorterMs: number
  because: string
}>

/**
 * How long undici keeps an idle connection: two seconds less than the server announces, and four
 * seconds if it announces nothing (`keepAliveTimeout` and `keepAliveTimeoutThreshold`).
 */
function idleConnectionMs(announcedMs: number): number {
  return Math.max(4_000, announcedMs - 2_000)
}

/** What the supervisor waits between SIGTERM and SIGKILL. No process is started to find out. */
const killAfterMs = topology({
  nodePath: '',
  repoRoot: '',
  dataDir: '',
  ports: portPlan(defaultPortBase),
  secrets: makeSecrets(),
  postgresUrl: 'postgres://127.0.0.1',
  redisUrl: '',
  kafkaBrokers: '',
  nodeEnv: 'test',
  switches: {},
}).payments.stopGraceMs

/** The waits of every path, outermost first. */
export function waitPaths(): readonly [WaitPath, ...WaitPath[]] {
  return [callPath(), proxyPath(), consumerPath(), jobPath(), mailPath(), stopPath()]
}

function callPath(): WaitPath {
  return {
    title: 'client → listings → payments → card provider',
    introduction:
      'One deadline shrinks on the way. Each service sends what is left of it as `X-Request-Timeout-Ms`, and the next one takes the smaller of that and its own budget. With too little left, nothing is begun.',
    waits: [
      {
        limit: 'listings `http.receiveMs`',
        ms: listings.http.receiveMs,
        what: 'receiving the whole request',
        afterwards: '408',
      },
      {
        limit: 'listings `http.requestBudgetMs`',
        ms: listings.http.requestBudgetMs,
        what: 'answering a request: its budget',
        afterwards: 'calls end with it; a request that is stuck gets 503 two seconds later',
      },
      {
        limit: 'listings `apiKeys.looks.waitMs`',
        ms: listings.apiKeys.looks.waitMs,
        what: 'waiting for a turn to look up an unknown API key',
        afterwards: '503 `overloaded`',
      },
      {
        limit: 'listings `beginMinMs`',
        ms: listings.beginMinMs,
        what: 'with less left of the budget, no publication is begun',
        afterwards: '503 `overloaded`, and the key stays unused',
      },
      {
        limit: 'listings `payments.attemptMs`',
        ms: listings.payments.attemptMs,
        what: 'one attempt at payments, connecting included',
        afterwards: '202 `pending`; a job asks again',
      },
      {
        limit: 'listings `paymentsHttp.connectMs`',
        ms: listings.paymentsHttp.connectMs,
        what: 'connecting to payments',
        afterwards: 'not sent: the publication is withdrawn, 503 `overloaded`',
      },
      {
        limit: 'payments `http.requestBudgetMs`',
        ms: payments.http.requestBudgetMs,
        what: 'answering a request: its budget',
        afterwards: 'as above',
      },
      {
        limit: 'payments `beginMinMs`',
        ms: payments.beginMinMs,
        what: 'with less left of the budget, no payment is begun',
        afterwards: '503 `overloaded`, and the key stays unused',
      },
      {
        limit: 'payments `provider.attemptMs`',
        ms: payments.provider.attemptMs,
        what: 'one attempt at the card provider, connecting included',
        afterwards: '202 `pending`; the reconciler asks again',
      },
      {
        limit: 'payments `providerHttp.connectMs`',
        ms: payments.providerHttp.connectMs,
        what: 'connecting to the card provider',
        afterwards: 'not sent: 202 `pending`; the reconciler asks again',
      },
      {
        limit: 'payments `keyLeaseMs`',
        ms: payments.keyLeaseMs,
        what: 'the silence of the owner of an idempotency key',
        afterwards: 'the next request with the key takes over; until then it gets 409',
      },
      {
        limit: 'listings `keyLeaseMs`',
        ms: listings.keyLeaseMs,
        what: 'the same for a publication',
        afterwards: 'as above',
      },
    ],
  }
}

function consumerPath(): WaitPath {
  return {
    title: 'Kafka → consumer → PostgreSQL',
    introduction:
      'An event is applied in one transaction of a pool that no request uses. While the database is away, a record waits without a limit: every record would fail. A failure of the record itself is limited, and then the record becomes a dead letter.',
    waits: [
      {
        limit: 'runtime `sendDeadlineMs`',
        ms: sendDeadlineMs,
        what: 'the acknowledgement of Kafka, for the relay and for a dead letter',
        afterwards: 'it is sent again; consumers recognise duplicates',
      },
      {
        limit: 'listings `workerPool.acquireMs`',
        ms: listings.workerPool.acquireMs,
        what: 'waiting for a connection, for an event of `payments.v1`',
        afterwards: 'the record is tried again, without a limit',
      },
      {
        limit: 'listings `workerPool.statementMs`',
        ms: listings.workerPool.statementMs,
        what: 'one statement of the transaction',
        afterwards: 'the record is tried again, a few times',
      },
      {
        limit: 'listings `redis.commandMs`',
        ms: listings.redis.commandMs,
        what: 'telling Redis that cached searches are old',
        afterwards: 'nothing; they expire by themselves',
      },
      {
        limit: 'notifications `matchingPool.acquireMs`',
        ms: notifications.matchingPool.acquireMs,
        what: 'waiting for a connection, for an event of `listings.v1`',
        afterwards: 'the record is tried again, without a limit',
      },
      {
        limit: 'notifications `matchingPool.statementMs`',
        ms: notifications.matchingPool.statementMs,
        what: 'one statement of the transaction',
        afterwards: 'the record is tried again, a few times',
      },
    ],
  }
}

function jobPath(): WaitPath {
  return {
    title: 'Jobs that finish what a request left open',
    introduction:
      'A job takes one item for the length of a lease, makes one attempt with the budget of a request, and records the outcome. An item that is still open becomes due again after a wait that doubles up to a cap, with jitter. A `Retry-After` of the other side can make the wait longer, up to its own cap.',
    waits: [
      {
        limit: 'payments `reconcile.firstCheckMs`',
        ms: payments.reconcile.firstCheckMs,
        what: 'from the request to the first look of the reconciler',
        afterwards: 'the card provider is asked again under the same key',
      },
      {
        limit: 'payments `reconcile.againCapMs`',
        ms: payments.reconcile.againCapMs,
        what: 'the longest wait before the next look',
        afterwards: 'as above',
      },
      {
        limit: 'payments `reconcile.leaseMs`',
        ms: payments.reconcile.leaseMs,
        what: 'one worker has the item to itself',
        afterwards: 'another worker may take it; the first one can write nothing any more',
      },
      {
        limit: 'payments `provider.retryAfterCapMs`',
        ms: payments.provider.retryAfterCapMs,
        what: 'the longest `Retry-After` of the card provider that counts',
        afterwards: 'the item is due',
      },
      {
        limit: 'payments `reconcile.escalatedMs`',
        ms: payments.reconcile.escalatedMs,
        what: 'the wait of a refund that a person has to decide about',
        afterwards: 'it is looked at again',
      },
      {
        limit: 'payments `providerRules.keyWindowMs`',
        ms: payments.providerRules.keyWindowMs,
        what: 'the memory of the card provider for an idempotency key',
        afterwards: 'from an hour before that, a payment is only searched for and not sent again',
      },
      {
        limit: 'listings `resume.firstCheckMs`',
        ms: listings.resume.firstCheckMs,
        what: 'from the request to the first look at an open publication',
        afterwards: 'payments is asked again under the same key',
      },
      {
        limit: 'listings `resume.againCapMs`',
        ms: listings.resume.againCapMs,
        what: 'the longest wait before the next look',
        afterwards: 'as above',
      },
      {
        limit: 'listings `resume.leaseMs`',
        ms: listings.resume.leaseMs,
        what: 'one worker has the publication to itself',
        afterwards: 'another worker may take it',
      },
    ],
  }
}

function mailPath(): WaitPath {
  const { send, smtp } = notifications
  return {
    title: 'notifications → mail server',
    introduction:
      'An attempt ends as a whole, whatever the server does. If the server may have taken the mail and did not say so, the outcome is unknown and the mail is sent again only a few times.',
    waits: [
      {
        limit: 'notifications `send.attemptMs`',
        ms: send.attemptMs,
        what: 'one attempt, connecting included',
        afterwards: 'the mail is sent again later, with the same Message-ID',
      },
      {
        limit: 'notifications `smtp.connectMs`',
        ms: smtp.connectMs,
        what: 'connecting',
        afterwards: 'not sent',
      },
      {
        limit: 'notifications `smtp.greetingMs`',
        ms: smtp.greetingMs,
        what: 'waiting for the greeting of the server',
        afterwards: 'not sent',
      },
      {
        limit: 'notifications `smtp.silenceMs`',
        ms: smtp.silenceMs,
        what: 'waiting for the next answer of the server',
        afterwards: 'not sent, or unknown once the body was read',
      },
      {
        limit: 'notifications `send.leaseMs`',
        ms: send.leaseMs,
        what: 'one sender has the mail to itself',
        afterwards: 'another sender may take it',
      },
      {
        limit: 'notifications `send.againCapMs`',
        ms: send.againCapMs,
        what: 'the longest wait between two attempts',
        afterwards: 'the mail is due',
      },
    ],
  }
}

function stopPath(): WaitPath {
  return {
    title: 'SIGTERM → exit',
    introduction:
      'A service that stops takes no new request and answers those that it has. Its jobs and consumers begin nothing new meanwhile. Its connections close last.',
    waits: [
      {
        limit: 'proxy `drainMs`',
        ms: proxyLimits.drainMs,
        what: 'with two instances: saying "not ready" and still serving',
        afterwards: 'HAProxy sends the instance nothing more; it takes no new request',
      },
      {
        limit: 'supervisor `stopGraceMs`',
        ms: killAfterMs,
        what: 'from SIGTERM to the exit of a process',
        afterwards: 'SIGKILL',
      },
      ...(
        [
          ['payments', payments],
          ['listings', listings],
          ['notifications', notifications],
        ] as const
      ).map(([name, { stopDeadlineMs }]) => ({
        limit: `${name} \`stopDeadlineMs\``,
        ms: stopDeadlineMs,
        what: 'closing everything',
        afterwards: 'the process ends itself with exit code 1',
      })),
    ],
  }
}

/** The relations across services. A test holds every one of them. */
export function waitRelations(): readonly Relation[] {
  const stopDeadlineMs = Math.max(
    payments.stopDeadlineMs,
    listings.stopDeadlineMs,
    notifications.stopDeadlineMs,
  )
  return [
    ...proxyRelations(),
    {
      longer: 'listings `payments.attemptMs`',
      longerMs: listings.payments.attemptMs,
      shorter: 'payments `http.requestBudgetMs`',
      shorterMs: payments.http.requestBudgetMs,
      because:
        'Payments knows more than a timeout: its answer, also `202 pending`, reaches listings before listings gives up. The commit after a charge is not cut short, so with a slow database listings may give up first, and asks again under the same key.',
    },
    {
      longer: 'listings `resume.firstCheckMs`',
      longerMs: listings.resume.firstCheckMs,
      shorter: 'payments `reconcile.firstCheckMs`',
      shorterMs: payments.reconcile.firstCheckMs,
      because:
        'The service that is nearer to the card looks first, so listings mostly finds a final answer when it asks again.',
    },
    {
      longer: 'payments `http.keepAliveMs`',
      longerMs: payments.http.keepAliveMs,
      shorter: 'the idle connection of its client',
      shorterMs: idleConnectionMs(payments.http.keepAliveMs),
      because:
        'The client drops an idle connection before the server does. Otherwise it would write a request to a connection that is just being closed, and would not know whether it was read.',
    },
    {
      longer: 'card provider `keepAliveMs`',
      longerMs: cardProvider.keepAliveMs,
      shorter: 'the idle connection of its client',
      shorterMs: idleConnectionMs(cardProvider.keepAliveMs),
      because: 'The same, between payments and the card provider.',
    },
    {
      longer: 'card provider `webhookAttemptMs`',
      longerMs: cardProvider.webhookAttemptMs,
      shorter: 'payments `http.requestBudgetMs`',
      shorterMs: payments.http.requestBudgetMs,
      because:
        'The card provider hears our answer to a webhook. Otherwise it would repeat webhooks that were taken.',
    },
    {
      longer: 'payments `providerRules.keyMarginMs`',
      longerMs: payments.providerRules.keyMarginMs,
      shorter: 'card provider `processingDelayMaxMs`',
      shorterMs: cardProvider.processingDelayMaxMs,
      because:
        'When the card provider forgets a key, it has carried out every request under that key. So a payment that no search finds then was never charged.',
    },
    {
      longer: 'supervisor `stopGraceMs`',
      longerMs: killAfterMs,
      shorter: 'the longest `stopDeadlineMs`',
      shorterMs: stopDeadlineMs,
      because:
        'A service that can not finish says why before it is killed: an exit within 10 s of SIGTERM is promise L6.',
    },
  ]
}
