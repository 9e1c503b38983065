import type { Dependency, ResiliencyMatrix } from '../runner/resiliency-matrix.ts'

const everythingWorks = { down: {}, slow: {} }
/** A paid listing is not live before its event has come, and no mail is sent before that. */
const eventsLater = { 'go live': 'later', 'get a mail': 'later' } as const
const paymentsQueued = { pay: 'queued', publish: 'queued', ...eventsLater } as const
const databaseAway = {
  pay: 'refused',
  'see a payment': 'refused',
  draft: 'refused',
  publish: 'refused',
  search: 'refused',
  'save an alert': 'refused',
  ...eventsLater,
} as const

const dependencies: readonly Dependency[] = [
  {
    name: 'card provider',
    why: 'A payment is committed before the provider is asked, so it is accepted, and a job asks again until it knows what became of it.',
    spot: { links: ['payments-provider'] },
    expected: { down: paymentsQueued, slow: paymentsQueued },
  },
  {
    name: 'webhooks of the card provider',
    why: 'A webhook only says that there is news, and payments learns the same from the answer to its own request.',
    spot: { settings: { down: { webhookDropRate: 1 }, slow: { webhookDelayMs: 10_000 } } },
    expected: everythingWorks,
  },
  {
    name: 'payments, for listings',
    why: 'While payments is certainly not reached, a publication is withdrawn and its listing is a draft again; while it is slow, listings waits for longer than payments may take.',
    spot: { links: ['listings-payments'] },
    expected: {
      down: { publish: 'refused', ...eventsLater },
      slow: { publish: 'slower', 'go live': 'slower', 'get a mail': 'slower' },
    },
  },
  {
    name: 'PostgreSQL',
    why: 'It decides what is true, so nothing is answered without it; every wait for it is bounded, so the refusal comes in time.',
    spot: { links: ['payments-postgres', 'listings-postgres', 'notifications-postgres'] },
    expected: { down: databaseAway, slow: databaseAway },
  },
  {
    name: 'Kafka',
    why: 'No request waits for it: events wait in the outbox of their service, and are published once it is back.',
    spot: { links: ['payments-kafka', 'listings-kafka', 'notifications-kafka'] },
    expected: { down: eventsLater, slow: eventsLater },
  },
  {
    name: 'Redis',
    why: 'It holds only what may be lost: without it the search asks PostgreSQL, and each process limits the tenants by itself.',
    spot: { links: ['listings-redis'] },
    expected: everythingWorks,
  },
  {
    name: 'mail server',
    why: 'Mails are committed before they are sent, and only a job waits for the mail server.',
    spot: { links: ['notifications-mail'] },
    expected: { down: { 'get a mail': 'later' }, slow: { 'get a mail': 'later' } },
  },
  {
    name: 'trace collector',
    why: 'Spans wait in a bounded queue of their own, and are dropped when nothing takes them.',
    spot: { process: 'trace-sink' },
    expected: everythingWorks,
  },
]

/** Every dependency of the system, down and slow, with every journey of a user. */
export const resiliencyMatrix: ResiliencyMatrix = {
  name: 'resiliency-matrix',
  title: 'Each dependency is down, and then slow, while users do all that they can do',
  area: 'resilience',
  hypothesis:
    'Whichever dependency fails, each user gets an answer or an honest refusal in time, and all that was begun is finished once it is back.',
  dependencies,
}
