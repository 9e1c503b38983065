import { randomBytes } from 'node:crypto'
import {
  dropDatabase,
  ensureDatabase,
  withDatabase,
} from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'

export type FreshDatabase = AsyncDisposable & {
  /** Its role has all rights. */
  url: string
}

/** An empty database of its own on the server of this test run. Disposing of it drops it. */
export async function openFreshDatabase(serverUrl: string): Promise<FreshDatabase> {
  const database = `fresh_${randomBytes(4).toString('hex')}`
  // The role is there: the templates of the test run belong to it, and the migrations name it.
  await withDatabase(serverUrl, client => ensureDatabase(client, database, ['payments']))
  return {
    url: databaseUrl(serverUrl, { database }),
    [Symbol.asyncDispose]: () => withDatabase(serverUrl, client => dropDatabase(client, database)),
  }
}
