import type { Figures, LinkView, LoadView } from '../snapshot.ts'
import { largestOf, perSecond, quantileOf, sumOf } from './figures.ts'
import type { Scrape } from './metrics-text.ts'

/** The scrapes of one process: now, a second ago, and some seconds ago for what needs many events. */
export type Scrapes = Readonly<{ now: Scrape; before: Scrape; earlier: Scrape }>
/** By the name of the service. Those that did not answer are missing. */
export type ScrapesByService = Readonly<Partial<Record<string, Scrapes>>>

const requests = 'http_server_request_duration_seconds'
const calls = 'dependency_call_duration_seconds'
const msPerSecond = 1_000

type Where = (labels: Readonly<Record<string, string>>) => boolean

const isPayment: Where = ({ method, route }) => method === 'POST' && route === '/v1/payments'
const isPaid: Where = labels => isPayment(labels) && labels['status'] === '201'
const isRefusal: Where = ({ status }) => status === '503' || status === '429'
const isFailure: Where = ({ status = '' }) => status.startsWith('5') && status !== '503'

/** The values of the timeline at this moment. Null: what it is read from did not answer. */
export function figuresOf(
  services: ScrapesByService,
  memoryMiB: number | undefined,
  load: LoadView = { state: 'idle' },
): Figures {
  const all = Object.values(services).filter(each => each !== undefined)
  const { payments } = services
  const rate = (where: Where) =>
    all.length === 0
      ? null
      : total(
          all.map(({ before, now }) =>
            perSecond(before, now, { name: `${requests}_count`, where }),
          ),
        )
  const largest = (name: string, factor = 1) => {
    const values = all.flatMap(({ now }) => largestOf(now, { name }) ?? [])
    return values.length === 0 ? null : Math.max(...values) * factor
  }
  const p99 =
    payments &&
    quantileOf(payments.earlier, payments.now, { name: requests, where: isPayment }, 0.99)
  return {
    offered: (load.state === 'running' ? load.lastSecond?.offered : undefined) ?? null,
    paid: payments
      ? perSecond(payments.before, payments.now, { name: `${requests}_count`, where: isPaid })
      : null,
    refused: rate(isRefusal),
    failed: rate(isFailure),
    p99Ms: p99 === undefined ? null : p99 * msPerSecond,
    openPayments: (payments && sumOf(payments.now, { name: 'backlog_open' })) ?? null,
    oldestOpenSeconds: largest('payments_oldest_open_seconds'),
    outboxAgeSeconds: largest('outbox_oldest_unpublished_seconds'),
    stalledSeconds: largest('consumer_without_progress_seconds'),
    loopLagMs: largest('nodejs_eventloop_lag_seconds', msPerSecond),
    memoryMiB: memoryMiB ?? null,
    breakersOpen:
      all.length === 0
        ? null
        : total(all.map(({ now }) => sumOf(now, { name: 'breaker_state' }) ?? 0)),
  }
}

/** What the services have counted since they started. Unset where none answers. */
export function countedBy(services: ScrapesByService): {
  serverErrors?: number
  deadLetters?: number
} {
  const all = Object.values(services).filter(each => each !== undefined)
  if (all.length === 0) return {}
  const count = (name: string, where: Where) =>
    total(all.map(({ now }) => sumOf(now, { name, where }) ?? 0))
  return {
    serverErrors: count(`${requests}_count`, ({ status }) => status === '500'),
    deadLetters: count('events_consumed_total', ({ outcome }) => outcome === 'dead_lettered'),
  }
}

/** Whose metrics count the calls over a link: those of the caller, or of the service behind the link. */
const callersOf: Readonly<Record<string, Readonly<{ service: string; dependency?: string }>>> = {
  'client-payments': { service: 'payments' },
  'client-listings': { service: 'listings' },
  'client-notifications': { service: 'notifications' },
  'listings-payments': { service: 'listings', dependency: 'payments' },
  'payments-provider': { service: 'payments', dependency: 'card-provider' },
  'listings-redis': { service: 'listings', dependency: 'redis' },
  'notifications-mail': { service: 'notifications', dependency: 'mail-server' },
}

/** The calls over a link. Nothing where no metric counts them, or the service does not answer. */
export function callsOver(
  link: string,
  services: ScrapesByService,
): Pick<LinkView, 'perSecond' | 'failedPerSecond' | 'p99Ms' | 'breaker'> {
  const { service = '', dependency } = callersOf[link] ?? {}
  const scrapes = services[service]
  if (scrapes === undefined) return {}
  const { before, earlier, now } = scrapes
  const name = dependency === undefined ? requests : calls
  const isOfLink: Where = labels => dependency === undefined || labels['dependency'] === dependency
  const isFailed: Where = labels =>
    isOfLink(labels) &&
    (dependency === undefined ? isFailure(labels) : labels['outcome'] === 'failed')
  const p99 = quantileOf(earlier, now, { name, where: isOfLink }, 0.99)
  const breaker =
    dependency === undefined
      ? undefined
      : largestOf(now, { name: 'breaker_state', where: isOfLink })
  return {
    perSecond: perSecond(before, now, { name: `${name}_count`, where: isOfLink }),
    failedPerSecond: perSecond(before, now, { name: `${name}_count`, where: isFailed }),
    ...(p99 === undefined ? {} : { p99Ms: p99 * msPerSecond }),
    ...(breaker === undefined ? {} : { breaker }),
  }
}

/** The version of each pattern that each service runs, by the name of its switch. */
export function variantsOf(services: ScrapesByService): Record<string, Record<string, string>> {
  const variants: Record<string, Record<string, string>> = {}
  for (const [service, scrapes] of Object.entries(services)) {
    for (const { labels, value } of scrapes?.now.samples.get('pattern_variant') ?? []) {
      const { switch: name = '', variant = '' } = labels
      if (value === 1) variants[name] = { ...variants[name], [service]: variant }
    }
  }
  return variants
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
