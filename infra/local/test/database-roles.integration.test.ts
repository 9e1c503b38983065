import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { withDatabase } from '../src/prepare/database-admin.ts'
import { ownerOf, type RoleName, rolesOf } from '../src/prepare/database-roles.ts'
import { databaseUrl } from '../src/prepare/database-url.ts'
import { type ServiceName, serviceNames } from '../src/system/secrets.ts'

let system: TestSystem
beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: [] })
})
afterAll(() => system[Symbol.asyncDispose]())

/** Opens a session with the role's own password. */
function as<T>(role: RoleName, service: ServiceName, work: (client: pg.Client) => Promise<T>) {
  const admin = system.databaseUrl(service)
  const database = new URL(admin).pathname.slice(1)
  const password = system.secrets.rolePasswords[role]
  return withDatabase(databaseUrl(admin, { database, role, password }), work)
}

const everyRole = serviceNames.flatMap(service =>
  rolesOf[service].map(role => ({ role: role as RoleName, service })),
)

/** Statements that no role may run, and PostgreSQL's refusals. */
const forbiddenToAll: readonly (readonly [string, RegExp])[] = [
  ['DROP TABLE schema_migrations', /must be owner/],
  ['CREATE TABLE mine (id int)', /permission denied/],
  ['CREATE TEMP TABLE mine (id int)', /permission denied/],
  ['CREATE SCHEMA mine', /permission denied/],
  ['CREATE EXTENSION dblink', /permission denied|not available/],
  ['CREATE ROLE mine', /permission denied/],
  ['ALTER ROLE CURRENT_USER SUPERUSER', /permission denied/],
  ["SET log_statement = 'none'", /permission denied/],
  ["SELECT pg_read_file('PG_VERSION')", /permission denied/],
  ["SELECT pg_ls_dir('.')", /permission denied/],
  ["COPY (SELECT 1) TO PROGRAM 'true'", /permission denied/],
  ["COPY schema_migrations FROM '/etc/passwd'", /permission denied/],
  ['SELECT rolpassword FROM pg_authid', /permission denied/],
  ["INSERT INTO schema_migrations VALUES ('9999_mine.sql', '')", /permission denied/],
  ['SET ROLE postgres', /permission denied/],
  ['SELECT lo_creat(-1)', /permission denied/],
  ["SELECT lo_from_bytea(0, 'kept where no policy looks')", /permission denied/],
  ["SELECT lo_import('/etc/passwd')", /permission denied/],
]

describe.each(everyRole)('$role', ({ role, service }) => {
  test('can not change the server, the schema or the history of migrations', async () => {
    const answered = await as(role, service, async client => {
      const answers: string[] = []
      for (const [statement] of forbiddenToAll) answers.push(await answerTo(client, statement))
      return answers
    })
    for (const [at, [statement, refusal]] of forbiddenToAll.entries()) {
      expect(answered[at], statement).toMatch(refusal)
    }
  })

  test('can neither empty a table, nor delete from one, nor alter one', async () => {
    const answered = await as(role, service, async client => {
      const answers: string[] = []
      for (const table of await tablesOf(client)) {
        for (const verb of ['DROP TABLE', 'TRUNCATE', 'DELETE FROM', 'LOCK TABLE']) {
          answers.push(`${verb} ${table}: ${await answerTo(client, `${verb} ${table}`)}`)
        }
        const disable = `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`
        answers.push(`${disable}: ${await answerTo(client, disable)}`)
      }
      return answers
    })
    expect(answered.length).toBeGreaterThan(0)
    // A role that may update a table may lock it, which lasts no longer than a transaction.
    const allowed = answered.filter(answer => !/denied|must be owner/.test(answer))
    const mayDelete: Partial<Record<RoleName, string[]>> = {
      payments_worker: [
        'DELETE FROM idempotency_keys: done',
        'DELETE FROM outbox: done',
        'DELETE FROM provider_webhooks: done',
      ],
      listings_worker: [
        'DELETE FROM idempotency_keys: done',
        'DELETE FROM inbox: done',
        'DELETE FROM outbox: done',
        'DELETE FROM publications: done',
      ],
      // The policies leave what is under way: role-attempts.integration.test.ts.
      notifications: [
        'DELETE FROM addresses: done',
        'DELETE FROM alerts: done',
        'DELETE FROM announcements: done',
        'DELETE FROM deliveries: done',
        'DELETE FROM inbox: done',
        'DELETE FROM mail_queues: done',
      ],
    }
    expect(allowed.filter(answer => !answer.startsWith('LOCK TABLE')).toSorted()).toEqual(
      mayDelete[role] ?? [],
    )
  })

  test('can not become the owner of its tables', async () => {
    const answer = await as(role, service, client =>
      answerTo(client, `SET ROLE ${ownerOf(service)}`),
    )
    expect(answer).toMatch(/permission denied/)
  })

  test('can not enter the database of another service', async () => {
    for (const other of serviceNames.filter(name => name !== service)) {
      await expect(as(role, other, async () => 'in')).rejects.toThrow('permission denied')
    }
  })

  test.each(['postgres', 'template1'])('can not enter %s', async database => {
    const password = system.secrets.rolePasswords[role]
    const url = databaseUrl(system.databaseUrl(service), { database, role, password })
    await expect(withDatabase(url, async () => 'in')).rejects.toThrow('permission denied')
  })

  test('can not take all connections of the server', async () => {
    const { rows } = await withDatabase(system.databaseUrl(service), client =>
      client.query(
        `SELECT rolconnlimit AS mine, current_setting('max_connections')::integer AS all
         FROM pg_roles WHERE rolname = $1`,
        [role],
      ),
    )
    expect(rows[0].mine).toBeGreaterThan(0)
    expect(rows[0].mine).toBeLessThan(rows[0].all / 2)
  })
})

/** The rights of each role on each table. All other rights must be absent. */
const granted: Readonly<Partial<Record<RoleName, Readonly<Record<string, string>>>>> = {
  // It writes columns only: see role-attempts.integration.test.ts.
  listings: {
    listings: 'SELECT',
    publications: 'SELECT',
    idempotency_keys: 'SELECT, INSERT, UPDATE',
    api_keys: 'SELECT',
  },
  listings_worker: {
    listings: 'SELECT',
    publications: 'SELECT, DELETE',
    idempotency_keys: 'SELECT, UPDATE, DELETE',
    outbox: 'SELECT, INSERT, DELETE',
    inbox: 'SELECT, INSERT, DELETE',
  },
  listings_relay: { outbox: 'SELECT', outbox_lane: 'SELECT' },
  listings_reader: {
    listings: 'SELECT',
    publications: 'SELECT',
    outbox: 'SELECT',
    inbox: 'SELECT',
  },
  notifications: {
    addresses: 'SELECT, INSERT, UPDATE, DELETE',
    alerts: 'SELECT, INSERT, DELETE',
    announcements: 'SELECT, INSERT, UPDATE, DELETE',
    mail_queues: 'SELECT, INSERT, UPDATE, DELETE',
    deliveries: 'SELECT, INSERT, UPDATE, DELETE',
    inbox: 'SELECT, INSERT, DELETE',
  },
  notifications_reader: {
    addresses: 'SELECT',
    alerts: 'SELECT',
    announcements: 'SELECT',
    mail_queues: 'SELECT',
    deliveries: 'SELECT',
    inbox: 'SELECT',
  },
  // A request may change only the requested action or the pending refund of a payment.
  payments: {
    payments: 'SELECT',
    refunds: 'SELECT, INSERT, UPDATE',
    idempotency_keys: 'SELECT, INSERT, UPDATE',
    ledger_transactions: 'SELECT',
    ledger_entries: 'SELECT, INSERT',
    statement_lines: 'SELECT',
    api_keys: 'SELECT',
  },
  payments_worker: {
    payments: 'SELECT, INSERT, UPDATE',
    refunds: 'SELECT, UPDATE',
    idempotency_keys: 'SELECT, INSERT, UPDATE, DELETE',
    ledger_transactions: 'SELECT',
    ledger_entries: 'SELECT, INSERT',
    statement_lines: 'SELECT, INSERT',
    statement_position: 'SELECT',
    outbox: 'SELECT, INSERT, DELETE',
    provider_webhooks: 'SELECT, INSERT, DELETE',
  },
  payments_relay: { outbox: 'SELECT', outbox_lane: 'SELECT' },
  payments_reader: {
    payments: 'SELECT',
    refunds: 'SELECT',
    ledger_transactions: 'SELECT',
    ledger_entries: 'SELECT',
    statement_lines: 'SELECT',
    outbox: 'SELECT',
  },
}

test.each(Object.entries(granted))('%s has these rights and no others', async (role, expected) => {
  const service = role.split('_')[0] as ServiceName
  const found = await withDatabase(system.databaseUrl(service), async client => {
    const { rows } = await client.query(
      `SELECT relname, string_agg(verb, ', ' ORDER BY place) AS verbs
       FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
         'REFERENCES', 'TRIGGER', 'MAINTAIN']) WITH ORDINALITY AS verbs (verb, place)
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
         AND relname <> 'schema_migrations' AND has_table_privilege($1, pg_class.oid, verb)
       GROUP BY relname`,
      [role],
    )
    return Object.fromEntries(rows.map(row => [row.relname, row.verbs]))
  })
  expect(found).toEqual(expected)
})

test.each(['payments', 'listings'] as const)(
  'the relay of %s can mark events as published, and change nothing else',
  async service => {
    await as(`${service}_relay`, service, async client => {
      const mark = 'UPDATE outbox SET published_at = now() WHERE id = 1'
      expect(await answerTo(client, mark)).toBe('done')
      expect(await answerTo(client, 'UPDATE outbox_lane SET epoch = epoch + 1')).toBe('done')
      expect(await answerTo(client, 'UPDATE outbox_lane SET only_row = true')).toMatch(
        /permission denied/,
      )
      expect(await answerTo(client, "UPDATE outbox SET payload = '{}'")).toMatch(
        /permission denied/,
      )
      expect(await answerTo(client, 'SELECT FROM api_keys')).toMatch(/permission denied/)
    })
  },
)

test.each(['payments', 'listings'] as const)(
  '%s can read its API keys, and neither make nor revive one',
  async service => {
    await as(service, service, async client => {
      expect(await answerTo(client, 'SELECT FROM api_keys')).toBe('done')
      for (const statement of [
        "INSERT INTO api_keys (key_id) VALUES ('00000000')",
        'UPDATE api_keys SET revoked_at = NULL',
        "UPDATE api_keys SET scopes = '{payments:write}'",
      ]) {
        expect(await answerTo(client, statement), statement).toMatch(/permission denied/)
      }
    })
  },
)

test.each(serviceNames)('the owner of the tables of %s can not log in', async service => {
  const owners = await withDatabase(system.databaseUrl(service), async client => {
    const { rows } = await client.query(
      `SELECT DISTINCT rolname, rolcanlogin, rolsuper, rolbypassrls
       FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
       WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`,
    )
    return rows
  })
  const rolname = ownerOf(service)
  expect(owners).toEqual([{ rolname, rolcanlogin: false, rolsuper: false, rolbypassrls: false }])
})

// The tenant of a caller is known only after its key has been read, so `api_keys` has no policy.
test.each([
  ['listings', ['idempotency_keys', 'listings', 'publications']],
  [
    'payments',
    [
      'idempotency_keys',
      'ledger_entries',
      'ledger_transactions',
      'payments',
      'refunds',
      'statement_lines',
    ],
  ],
] as const)(
  'every table of %s with a tenant has a row policy that also binds its owner',
  async (service, names) => {
    const tables = await withDatabase(system.databaseUrl(service), async client => {
      const { rows } = await client.query(
        `SELECT relname, relrowsecurity AND relforcerowsecurity AS forced FROM pg_class
       WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND EXISTS (
         SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id')
       ORDER BY relname`,
      )
      return Object.fromEntries(rows.map(row => [row.relname, row.forced]))
    })
    const forced = names.map(name => [name, true] as const)
    expect(tables).toEqual({ api_keys: false, ...Object.fromEntries(forced) })
  },
)

async function answerTo(client: pg.Client, statement: string): Promise<string> {
  await client.query('BEGIN')
  try {
    await client.query(statement)
    return 'done'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    await client.query('ROLLBACK')
  }
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`,
  )
  return rows.map(row => row.relname)
}
