/**
 * Every port of a local system, as a distance from one base. One number moves the whole system away
 * from other programs, and two systems with bases 1,000 apart share no port.
 */
const offsets = {
  console: 0,
  // The ports for clients. With links the fault proxy listens here; without, the services do.
  payments: 1,
  listings: 2,
  notifications: 3,
  cardProvider: 10,
  mailbox: 11,
  smtp: 25,
  prometheus: 90,
  kafka: 92,
  kafkaController: 93,
  supervisor: 100,
  paymentsOperations: 101,
  listingsOperations: 102,
  notificationsOperations: 103,
  traceSink: 318,
  redis: 379,
  postgres: 432,
} as const

/** Each service has a listener at the broker, which advertises that service's proxy. */
const listenerOffsets = {
  kafkaForPayments: 192,
  kafkaForListings: 193,
  kafkaForNotifications: 194,
  paymentsToKafka: 507,
  listingsToKafka: 508,
  notificationsToKafka: 509,
} as const

/** The further ports of a system with links. */
const linkOffsets = {
  ...listenerOffsets,
  // The services listen here when the fault proxy has their public ports.
  paymentsPrivate: 201,
  listingsPrivate: 202,
  notificationsPrivate: 203,
  faults: 474,
  // The fault proxy listens here for the services' outgoing connections.
  listingsToPayments: 501,
  paymentsToProvider: 502,
  paymentsToPostgres: 503,
  listingsToPostgres: 504,
  notificationsToPostgres: 505,
  listingsToRedis: 506,
  notificationsToMail: 510,
} as const

/** The further ports of a system with two instances of each service. */
const replicaOffsets = {
  // The pages of HAProxy, which has the ports at which the services listen otherwise.
  proxyOperations: 104,
  paymentsSecondOperations: 121,
  listingsSecondOperations: 122,
  notificationsSecondOperations: 123,
  // The instances listen here.
  paymentsFirst: 211,
  listingsFirst: 212,
  notificationsFirst: 213,
  paymentsSecond: 221,
  listingsSecond: 222,
  notificationsSecond: 223,
} as const

export type PortName = keyof typeof offsets | keyof typeof linkOffsets
export type PortPlan = Readonly<Record<PortName, number>>
/** The listeners of the broker, and the proxies that they advertise: fixed when the broker starts. */
export type ListenerPorts = Pick<PortPlan, keyof typeof listenerOffsets>
export type LinkPorts = Pick<PortPlan, keyof typeof linkOffsets>

export type ReplicaPortName = keyof typeof replicaOffsets
export type ReplicaPorts = Readonly<Record<ReplicaPortName, number>>

export const defaultPortBase = 4000
const portBaseMin = 1024
/** From 32768 on the system itself hands out ports, and any of them may be in use. */
const portBaseMax = 32_000

/** The ports for one base. */
export function portPlan(base: number): PortPlan {
  const entries = Object.entries({ ...offsets, ...linkOffsets })
  return Object.fromEntries(entries.map(([name, offset]) => [name, base + offset])) as PortPlan
}

/** The ports that a system with two instances of each service needs besides its plan. */
export function replicaPorts(base: number): ReplicaPorts {
  const entries = Object.entries(replicaOffsets).map(([name, offset]) => [name, base + offset])
  return Object.fromEntries(entries) as ReplicaPorts
}

/** Reads NIGHTSHIFT_PORT_BASE; unset or empty means the default. Throws a message for a person. */
export function readPortBase(text: string | undefined): number {
  if (text === undefined || text === '') return defaultPortBase
  const base = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (base >= portBaseMin && base <= portBaseMax) return base
  throw new Error(
    `NIGHTSHIFT_PORT_BASE is ${JSON.stringify(text)}, ` +
      `but must be a whole number from ${portBaseMin} to ${portBaseMax}`,
  )
}
