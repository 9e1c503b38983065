import { proxyPath } from './proxy-timeouts.ts'
import type { SystemPath } from './system-limits.ts'

/** One wait: which limit it is, what happens when it is over, and the waits inside it. */
export type Wait = Readonly<{
  limit: SystemPath
  what: string
  afterwards: string
  inside?: readonly Wait[]
}>

export type WaitPath = Readonly<{ title: string; introduction: string; waits: readonly Wait[] }>

const callPath: WaitPath = {
  title: 'client → listings → payments → card provider',
  introduction:
    'One deadline shrinks on the way. Each service sends what is left of it as `X-Request-Timeout-Ms`, and the next one takes the smaller of that and its own budget. With too little left, nothing is begun.',
  waits: [
    { limit: 'listings.http.receiveMs', what: 'receiving the whole request', afterwards: '408' },
    {
      limit: 'listings.http.requestBudgetMs',
      what: 'answering a request: its budget',
      afterwards: 'calls end with it; a request that is stuck gets 503 two seconds later',
      inside: [
        {
          limit: 'listings.beginMinMs',
          what: 'with less left of the budget, no publication is begun',
          afterwards: '503 `overloaded`, and the key stays unused',
        },
        {
          limit: 'listings.tenants.commandMs',
          what: 'asking Redis for the limit of the tenant',
          afterwards: 'the process decides alone, and asks again a second later',
        },
        {
          limit: 'listings.apiKeys.looks.waitMs',
          what: 'waiting for a turn to look up an unknown API key',
          afterwards: '503 `overloaded`',
        },
        {
          limit: 'listings.payments.attemptMs',
          what: 'one attempt at payments, connecting included',
          afterwards: '202 `pending`; a job asks again',
          inside: [
            {
              limit: 'listings.paymentsHttp.connectMs',
              what: 'connecting to payments',
              afterwards: 'not sent: the publication is withdrawn, 503 `overloaded`',
            },
            {
              limit: 'payments.http.requestBudgetMs',
              what: 'answering a request: its budget',
              afterwards: 'the same, and listings is told before it gives up',
              inside: [
                {
                  limit: 'payments.beginMinMs',
                  what: 'with less left of the budget, no payment is begun',
                  afterwards: '503 `overloaded`, and the key stays unused',
                },
                {
                  limit: 'payments.tenants.commandMs',
                  what: 'asking Redis for the limit of the tenant',
                  afterwards: 'the process decides alone, and asks again a second later',
                },
                {
                  limit: 'payments.provider.attemptMs',
                  what: 'one attempt at the card provider, connecting included',
                  afterwards: '202 `pending`; the reconciler asks again',
                  inside: [
                    {
                      limit: 'payments.providerHttp.connectMs',
                      what: 'connecting to the card provider',
                      afterwards: 'not sent: 202 `pending`; the reconciler asks again',
                    },
                  ],
                },
                ...waitsOfPool('payments.workerPool', 'its claim, then its commit'),
              ],
            },
          ],
        },
      ],
    },
    {
      limit: 'payments.keyLeaseMs',
      what: 'the silence of the owner of an idempotency key',
      afterwards: 'the next request with the key takes over; until then it gets 409',
    },
    { limit: 'listings.keyLeaseMs', what: 'the same for a publication', afterwards: 'as above' },
    {
      limit: 'listings.loop.lagMaxMs',
      what: 'a stall of the process before a request was read',
      afterwards: '503 `overloaded`, and nothing has begun',
    },
    {
      limit: 'listings.http.sendMs',
      what: 'sending the whole answer',
      afterwards: 'the connection is closed',
    },
  ],
}

/** Every pool, and who waits for its connections. */
export const pools = [
  { pool: 'listings.pool', users: 'requests of employers' },
  { pool: 'listings.workerPool', users: 'consumer and jobs' },
  { pool: 'listings.searchPool', users: 'public search' },
  { pool: 'payments.pool', users: 'requests on behalf of one tenant' },
  { pool: 'payments.workerPool', users: 'claim and commit of payments, jobs, webhooks' },
  { pool: 'payments.lookUpPool', users: 'why a key could not be claimed' },
  { pool: 'notifications.requestPool', users: 'requests' },
  { pool: 'notifications.matchingPool', users: 'consumer and matching' },
  { pool: 'notifications.sendingPool', users: 'mails' },
] as const

const poolPath: WaitPath = {
  title: 'request → pool → statement → lock',
  introduction:
    'A request waits for a connection of its pool, then for its statement, and in the statement for a row lock. The server ends a statement that takes too long; half a second later the driver would give up on a server that does not answer at all. The claim of a payment or a publication also ends with the deadline of its caller. For a request, the end of any of these waits is a `503` with `Retry-After`, never a 500.',
  waits: pools.flatMap(({ pool, users }) => waitsOfPool(pool, users)),
}

function waitsOfPool(pool: (typeof pools)[number]['pool'], users: string): readonly Wait[] {
  const afterwards = 'a request gets 503 `overloaded`; a job tries again'
  return [
    { limit: `${pool}.acquireMs`, what: `waiting for a connection: ${users}`, afterwards },
    {
      limit: `${pool}.statementMs`,
      what: 'one statement',
      afterwards,
      inside: [{ limit: `${pool}.lockMs`, what: 'waiting for a row lock', afterwards }],
    },
    {
      limit: `${pool}.idleInTransactionMs`,
      what: 'doing nothing in an open transaction',
      afterwards: 'the server closes the connection',
    },
  ]
}

const consumerPath: WaitPath = {
  title: 'Kafka → consumer → PostgreSQL',
  introduction:
    'An event is applied in one transaction of a pool that no request uses. While the database is away, a record waits without a limit: every record would fail. A failure of the record itself is limited, and then the record becomes a dead letter.',
  waits: [
    {
      limit: 'runtime.sendDeadlineMs',
      what: 'the acknowledgement of Kafka, for the relay and for a dead letter',
      afterwards: 'it is sent again; consumers recognise duplicates',
    },
    {
      limit: 'listings.workerPool.acquireMs',
      what: 'waiting for a connection, for an event of `payments.v1`',
      afterwards: 'the record is tried again, without a limit',
    },
    {
      limit: 'listings.workerPool.statementMs',
      what: 'one statement of the transaction',
      afterwards: 'the record is tried again, a few times',
    },
    {
      limit: 'listings.redis.commandMs',
      what: 'telling Redis that cached searches are old',
      afterwards: 'nothing; they expire by themselves',
    },
    {
      limit: 'notifications.matchingPool.acquireMs',
      what: 'waiting for a connection, for an event of `listings.v1`',
      afterwards: 'the record is tried again, without a limit',
    },
    {
      limit: 'notifications.matchingPool.statementMs',
      what: 'one statement of the transaction',
      afterwards: 'the record is tried again, a few times',
    },
  ],
}

const jobPath: WaitPath = {
  title: 'Jobs that finish what a request left open',
  introduction:
    'A job takes one item for the length of a lease, makes one attempt with the budget of a request, and records the outcome. An item that is still open becomes due again after a wait that doubles up to a cap, with jitter. A `Retry-After` of the other side can make the wait longer, up to its own cap.',
  waits: [
    {
      limit: 'payments.reconcile.firstCheckMs',
      what: 'from the request to the first look of the reconciler',
      afterwards: 'the card provider is asked again under the same key',
    },
    {
      limit: 'payments.reconcile.againCapMs',
      what: 'the longest wait before the next look',
      afterwards: 'as above',
    },
    {
      limit: 'payments.reconcile.leaseMs',
      what: 'one worker has the item to itself',
      afterwards: 'another worker may take it; the first one can write nothing any more',
    },
    {
      limit: 'payments.provider.retryAfterCapMs',
      what: 'the longest `Retry-After` of the card provider that counts',
      afterwards: 'the item is due',
    },
    {
      limit: 'payments.reconcile.escalatedMs',
      what: 'the wait of a refund that a person has to decide about',
      afterwards: 'it is looked at again',
    },
    {
      limit: 'payments.providerRules.keyWindowMs',
      what: 'the memory of the card provider for an idempotency key',
      afterwards: 'from an hour before that, a payment is only searched for and not sent again',
    },
    {
      limit: 'listings.resume.firstCheckMs',
      what: 'from the request to the first look at an open publication',
      afterwards: 'payments is asked again under the same key',
    },
    {
      limit: 'listings.resume.againCapMs',
      what: 'the longest wait before the next look',
      afterwards: 'as above',
    },
    {
      limit: 'listings.resume.leaseMs',
      what: 'one worker has the publication to itself',
      afterwards: 'another worker may take it',
    },
  ],
}

const mailPath: WaitPath = {
  title: 'notifications → mail server',
  introduction:
    'An attempt ends as a whole, whatever the server does. If the server may have taken the mail and did not say so, the outcome is unknown and the mail is sent again only a few times.',
  waits: [
    {
      limit: 'notifications.send.leaseMs',
      what: 'one sender has the mail to itself',
      afterwards: 'another sender may take it',
      inside: [
        {
          limit: 'notifications.send.attemptMs',
          what: 'one attempt, connecting included',
          afterwards: 'the mail is sent again later, with the same Message-ID',
          inside: [
            { limit: 'notifications.smtp.connectMs', what: 'connecting', afterwards: 'not sent' },
            {
              limit: 'notifications.smtp.greetingMs',
              what: 'waiting for the greeting of the server',
              afterwards: 'not sent',
            },
            {
              limit: 'notifications.smtp.silenceMs',
              what: 'waiting for the next answer of the server',
              afterwards: 'not sent, or unknown once the body was read',
            },
          ],
        },
      ],
    },
    {
      limit: 'notifications.send.againCapMs',
      what: 'the longest wait between two attempts',
      afterwards: 'the mail is due',
    },
  ],
}

const stopPath: WaitPath = {
  title: 'SIGTERM → exit',
  introduction:
    'A service that stops takes no new request and answers those that it has. Its jobs and consumers begin nothing new meanwhile. Its connections close last.',
  waits: [
    {
      limit: 'supervisor.stopGraceMs',
      what: 'from SIGTERM to the exit of a process',
      afterwards: 'SIGKILL',
      inside: (['payments', 'listings', 'notifications'] as const).map(service => ({
        limit: `${service}.stopDeadlineMs` as const,
        what: 'closing everything',
        afterwards: 'the process ends itself with exit code 1',
      })),
    },
  ],
}

/** The waits of every path, outermost first. `docs/timeouts.md` and `npm run limits` show them. */
export const waitPaths: readonly WaitPath[] = [
  callPath,
  proxyPath,
  poolPath,
  consumerPath,
  jobPath,
  mailPath,
  stopPath,
]
