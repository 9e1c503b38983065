import { parseEnv } from 'node:util'
import * as listings from '@nightshift/listings/compose'
import { Config as ListingsConfig } from '@nightshift/listings/config'
import { defaultPortBase, portPlan } from '@nightshift/local/ports/ports'
import { type RoleName, roleNames, rolesOf } from '@nightshift/local/prepare/database-roles'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { readOptions } from '@nightshift/local/prepare/prepare-main'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import * as notifications from '@nightshift/notifications/compose'
import { Config as NotificationsConfig } from '@nightshift/notifications/config'
import * as payments from '@nightshift/payments/compose'
import { Config as PaymentsConfig } from '@nightshift/payments/config'
import { readConfig } from '@nightshift/runtime/process/config'
import pg from 'pg'
import { expect, test } from 'vitest'
import { interpolate, readComposeFile } from './compose-file.ts'

/**
 * The services read what Compose makes of a file `.env`, with their own readers of settings. Our tests start
 * no Docker, so the variables of the Compose file are replaced here.
 */

const characters = '/ # ? @ % $ $HOME ${HOME} $$ %41 : & = + , ; < > [ ] \\ " ü '
const awkward = Object.fromEntries(
  [...roleNames, 'postgres'].map(role => [role, `${role}${characters}`]),
) as Record<RoleName | 'postgres', string>
const dotEnv = Object.entries(awkward)
  .map(([role, password]) => `NIGHTSHIFT_${role.toUpperCase()}_PASSWORD='${password}'`)
  .join('\n')
const containers = interpolate(
  readComposeFile('docker-compose.yml'),
  parseEnv(dotEnv) as Record<string, string>,
)
const environmentOf = (name: string) => containers[name]?.environment ?? {}

/** The URLs with which each service connects, by its own code. */
const urlsOf: Readonly<Record<ServiceName, () => readonly string[]>> = {
  payments: () => {
    const config = readConfig(PaymentsConfig, environmentOf('payments'))
    const pools = payments.poolsOf(config, payments.limitsOf(config))
    return [...Object.values(pools).map(({ url }) => url), payments.relayUrlOf(config)]
  },
  listings: () => {
    const config = readConfig(ListingsConfig, environmentOf('listings'))
    const pools = listings.poolsOf(config, listings.limitsOf(config))
    return [...Object.values(pools).map(({ url }) => url), listings.relayUrlOf(config)]
  },
  notifications: () => {
    const config = readConfig(NotificationsConfig, environmentOf('notifications'))
    return Object.values(notifications.poolsOf(config)).map(({ url }) => url)
  },
}

function partsOf(connectionString: string) {
  const { host, port, user, database, password } = new pg.Client({ connectionString })
  return { host, port, user, database, password }
}

test.each(serviceNames)('%s connects with the passwords of .env, whatever is in them', name => {
  const { [`${name}ToPostgres`]: port } = portPlan(defaultPortBase) as Record<string, number>
  const connections = urlsOf[name]().map(partsOf)
  for (const connection of connections) {
    const password = awkward[connection.user as RoleName]
    expect(connection).toMatchObject({ host: 'faults', port, database: name, password })
    // The native system makes the same of the same password.
    const native = databaseUrl('postgres://faults', {
      database: name,
      role: String(connection.user),
      password,
    })
    expect(partsOf(native)).toMatchObject({ user: connection.user, database: name, password })
  }
  const roles = rolesOf[name].filter(role => !role.endsWith('_reader'))
  expect(new Set(connections.map(({ user }) => user))).toEqual(new Set(roles))
})

test('the roles are made with the passwords with which the services connect', () => {
  const { adminUrl, secrets } = readOptions(environmentOf('prepare'))
  const { postgres, ...ofRoles } = awkward
  expect(secrets.rolePasswords).toEqual(ofRoles)
  expect(partsOf(adminUrl)).toMatchObject({
    host: 'postgres',
    user: 'postgres',
    password: postgres,
  })
  expect(environmentOf('postgres')['POSTGRES_PASSWORD']).toBe(postgres)
})

test('the container that prepares says by name what is not set', () => {
  const { KAFKA_BROKERS: _, DATABASE_ADMIN_PASSWORD: __, ...others } = environmentOf('prepare')
  expect(() => readOptions(others)).toThrow('Not set: DATABASE_ADMIN_PASSWORD, KAFKA_BROKERS')
})
