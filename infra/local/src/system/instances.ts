import { type ServiceName, serviceNames } from './secrets.ts'

/** The second instance of each service. The first one has the name of the service. */
export const secondInstances = {
  payments: 'payments-2',
  listings: 'listings-2',
  notifications: 'notifications-2',
} as const satisfies Record<ServiceName, string>

export type InstanceName = ServiceName | (typeof secondInstances)[ServiceName]

/** The names of both instances of a service, in the order in which they are restarted. */
export function instancesOf(service: ServiceName): readonly [ServiceName, InstanceName] {
  return [service, secondInstances[service]]
}

/** Every instance of every service, in that order. */
export const instanceNames: readonly InstanceName[] = serviceNames.flatMap(instancesOf)
