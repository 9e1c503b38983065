import type { KafkaListener } from '../parts/kafka-settings.ts'
import type { LinkPorts, ListenerPorts, PortName, PortPlan } from '../ports/ports.ts'
import type { PartName } from './start-parts.ts'

const host = '127.0.0.1'

/** The name of each link, and the name of the port at which its proxy listens. */
const listens = {
  'client-payments': 'payments',
  'client-listings': 'listings',
  'client-notifications': 'notifications',
  'listings-payments': 'listingsToPayments',
  'payments-provider': 'paymentsToProvider',
  'payments-postgres': 'paymentsToPostgres',
  'listings-postgres': 'listingsToPostgres',
  'notifications-postgres': 'notificationsToPostgres',
  'listings-redis': 'listingsToRedis',
  'payments-kafka': 'paymentsToKafka',
  'listings-kafka': 'listingsToKafka',
  'notifications-kafka': 'notificationsToKafka',
  'notifications-mail': 'notificationsToMail',
} as const satisfies Record<string, PortName>

export type LinkName = keyof typeof listens
export const linkNames = Object.keys(listens) as readonly LinkName[]

/** One entry of the fault proxy's setting LINKS. `listen` has no host: the proxy's HOST is taken. */
export type Link = Readonly<{ name: LinkName; listen: string; upstream: string }>

export type LinkOptions = Readonly<{
  ports: LinkPorts &
    Pick<PortPlan, 'payments' | 'listings' | 'notifications' | 'cardProvider' | 'smtp'>
  /** Any URL of the server. */
  postgresUrl: string
  redisUrl: string
  /** No link leads to an external part: an external Kafka would not advertise our proxies. */
  external: readonly PartName[]
}>

/** The links of a system, for the settings of the fault proxy. */
export function planLinks({ ports, postgresUrl, redisUrl, external }: LinkOptions): Link[] {
  const at = (port: number) => `${host}:${port}`
  const postgres = () => new URL(postgresUrl).host
  const upstreams: Readonly<Record<LinkName, () => string>> = {
    'client-payments': () => at(ports.paymentsPrivate),
    'client-listings': () => at(ports.listingsPrivate),
    'client-notifications': () => at(ports.notificationsPrivate),
    'listings-payments': () => at(ports.paymentsPrivate),
    'payments-provider': () => at(ports.cardProvider),
    'payments-postgres': postgres,
    'listings-postgres': postgres,
    'notifications-postgres': postgres,
    'listings-redis': () => new URL(redisUrl).host,
    'payments-kafka': () => at(ports.kafkaForPayments),
    'listings-kafka': () => at(ports.kafkaForListings),
    'notifications-kafka': () => at(ports.kafkaForNotifications),
    'notifications-mail': () => at(ports.smtp),
  }
  return linkNames
    .filter(name => !external.some(part => name.endsWith(`-${part}`)))
    .map(name => ({ name, listen: `:${ports[listens[name]]}`, upstream: upstreams[name]() }))
}

/** The address that a client connects to: the proxy's, or the direct one when there is no link. */
export function addressOver(links: readonly Link[], name: LinkName, direct: string): string {
  const link = links.find(each => each.name === name)
  return link === undefined ? direct : `${host}${link.listen}`
}

/** The same for a URL; only its host and port change. */
export function urlOver(links: readonly Link[], name: LinkName, directUrl: string): string {
  const link = links.find(each => each.name === name)
  if (link === undefined) return directUrl
  return Object.assign(new URL(directUrl), { host: `${host}${link.listen}` }).href
}

/** The ports that the fault proxy listens on for these links. */
export function listenPorts(links: readonly Link[]): number[] {
  return links.map(({ listen }) => Number(listen.slice(1)))
}

/**
 * A client of Kafka connects to the address that the broker advertises, whatever address it came by.
 * So each service has a listener of its own, at which the broker advertises that service's proxy.
 */
export function kafkaListeners(ports: ListenerPorts): KafkaListener[] {
  return [
    { port: ports.kafkaForPayments, advertisedPort: ports.paymentsToKafka },
    { port: ports.kafkaForListings, advertisedPort: ports.listingsToKafka },
    { port: ports.kafkaForNotifications, advertisedPort: ports.notificationsToKafka },
  ]
}
