import { join } from 'node:path'
import { migrate } from '@nightshift/runtime/postgres/migrate'
import { seedTenants } from '../seed/seed.ts'
import { type Secrets, type ServiceName, serviceNames } from '../system/secrets.ts'
import { repoRoot } from '../system/state.ts'
import {
  closeCommonDatabases,
  ensureDatabase,
  ensureRole,
  forbidLargeObjects,
  withDatabase,
} from './database-admin.ts'
import { ownerOf, rolesOf } from './database-roles.ts'
import { databaseUrl } from './database-url.ts'
import { prepareTopics } from './prepare-topics.ts'

export type PrepareOptions = Readonly<{
  /** A URL of the PostgreSQL server with the rights to create roles and databases. */
  adminUrl: string
  secrets: PreparedSecrets
  kafkaBrokers: string
  kafkaPrefix?: string
  /** Nothing else uses the server, so the databases that every server has are closed, too. */
  isOurServer: boolean
}>

/** The secrets that the databases have to know. */
type PreparedSecrets = Pick<
  Secrets,
  'rolePasswords' | 'apiKeyPeppers' | 'apiKeys' | 'paymentsServiceKey'
>

/** How much was done now; all zero when everything was there. */
export type Prepared = Readonly<{
  databasesCreated: number
  migrationsApplied: number
  topicsCreated: number
}>

/** In a real system each database has the name of its service; tests have many of each. */
const ownNames = { payments: 'payments', listings: 'listings', notifications: 'notifications' }

/**
 * Prepares empty parts for the services: roles, databases, tables, topics, and the tenants with their
 * keys. Idempotent: whatever exists stays as it is.
 */
export async function prepare(options: PrepareOptions): Promise<Prepared> {
  const { adminUrl, secrets, isOurServer } = options
  if (isOurServer) await withDatabase(adminUrl, closeCommonDatabases)
  const [databases, topicsCreated] = await Promise.all([
    prepareDatabases(adminUrl, secrets, ownNames),
    prepareTopics(options.kafkaBrokers, options.kafkaPrefix),
  ])
  return { ...databases, topicsCreated }
}

/** Roles, then a migrated database for each service, then the tenants. */
export async function prepareDatabases(
  adminUrl: string,
  secrets: PreparedSecrets,
  databases: Readonly<Record<ServiceName, string>>,
): Promise<Omit<Prepared, 'topicsCreated'>> {
  let databasesCreated = 0
  await withDatabase(adminUrl, async client => {
    for (const service of serviceNames) {
      await ensureRole(client, ownerOf(service))
      for (const role of rolesOf[service]) {
        await ensureRole(client, role, secrets.rolePasswords[role])
      }
      const isNew = await ensureDatabase(client, databases[service], rolesOf[service])
      if (isNew) databasesCreated += 1
    }
  })
  const urlOf = (service: ServiceName) => databaseUrl(adminUrl, { database: databases[service] })
  const applied = await Promise.all(
    serviceNames.map(async service => {
      await withDatabase(urlOf(service), forbidLargeObjects)
      return migrate(urlOf(service), join(repoRoot, 'services', service, 'migrations'))
    }),
  )
  const urls = { payments: urlOf('payments'), listings: urlOf('listings') }
  await seedTenants({ urls, secrets })
  return { databasesCreated, migrationsApplied: applied.flat().length }
}
