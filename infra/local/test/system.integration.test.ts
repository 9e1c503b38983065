import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'
import { withDatabase } from '../src/prepare/database-admin.ts'

const sortedDatabases = "SELECT datname FROM pg_database WHERE datname LIKE 't\\_%' ORDER BY 1"

test('a test system has databases of its own, and leaves none behind', async () => {
  const parts = inject('parts')
  const prefixes: string[] = []
  {
    await using one = await openTestSystem({ parts, run: ['card-provider'] })
    await using other = await openTestSystem({ parts, run: ['card-provider'] })
    expect(one.prefix).not.toBe(other.prefix)
    expect(one.redisUrl).not.toBe(other.redisUrl)
    for (const { urls } of [one, other]) {
      expect((await fetch(`${urls.cardProvider}/health`)).status).toBe(200)
    }
    prefixes.push(one.prefix, other.prefix)
    for (const prefix of prefixes) expect(await databasesWith(prefix)).toHaveLength(3)
  }
  for (const prefix of prefixes) expect(await databasesWith(prefix)).toEqual([])

  async function databasesWith(prefix: string): Promise<string[]> {
    const id = prefix.slice(0, -1)
    const { rows } = await withDatabase(parts.postgresUrl, client => client.query(sortedDatabases))
    return rows.map(row => row.datname).filter(name => name.startsWith(id))
  }
})

test('a role can enter its own database and no other', async () => {
  const parts = inject('parts')
  await using system = await openTestSystem({ parts, run: [] })
  const payments = new URL(system.databaseUrl('payments'))
  const listings = new URL(system.databaseUrl('listings'))
  for (const url of [payments, listings]) {
    url.username = 'payments'
    url.password = parts.secrets.rolePasswords.payments
  }
  await expect(withDatabase(payments.href, client => client.query('SELECT'))).resolves.toBeDefined()
  await expect(withDatabase(listings.href, client => client.query('SELECT'))).rejects.toThrow(
    'permission denied',
  )
})

test('a process of a test system is stopped, started, killed and awaited by its name', async () => {
  await using system = await openTestSystem({ parts: inject('parts'), run: ['card-provider'] })
  await system.stop('card-provider')
  await expect(fetch(`${system.urls.cardProvider}/health`)).rejects.toThrow()
  await system.start('card-provider')
  await system.waitReady('card-provider')
  await system.signal('card-provider', 'SIGKILL')
  await system.waitReady('card-provider')
  expect(await system.status('card-provider')).toMatchObject({ state: 'ready', restarts: 1 })
  await system.start('trace-sink')
  await system.waitReady('trace-sink')
  expect((await fetch(`${system.urls.traceSink}/health`)).status).toBe(200)
})
