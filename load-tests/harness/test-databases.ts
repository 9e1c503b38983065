import {
  dropDatabase,
  ensureDatabase,
  withDatabase,
} from '@nightshift/local/prepare/database-admin'
import { rolesOf } from '@nightshift/local/prepare/database-roles'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'

type Databases = Readonly<Record<ServiceName, string>>

/** Copies each template into a database that only the roles of its service can connect to. */
export function copyDatabases(
  serverUrl: string,
  templates: Databases,
  copies: Databases,
): Promise<void> {
  return withDatabase(serverUrl, async client => {
    for (const service of serviceNames) {
      await ensureDatabase(client, copies[service], rolesOf[service], templates[service])
    }
  })
}

/** Drops the databases, and ends the connections to them. */
export function dropDatabases(serverUrl: string, databases: Databases): Promise<void> {
  return withDatabase(serverUrl, async client => {
    for (const database of Object.values(databases)) await dropDatabase(client, database)
  })
}
