import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { seedTenants } from '@nightshift/local/seed/seed-data'

/** So many rows in one statement take a few seconds. */
const partSize = 100_000
const expiredKeysParts = 10
const alertsCount = partSize

/**
 * Fills the tables of a running system as if it had been used for long: a million idempotency keys of
 * payments that have expired within the last hour, and 100,000 confirmed alerts that no listing matches.
 * Rows that are there already stay as they are.
 * @param postgresUrl an administrator's, of the server of all services
 */
export async function fillTables(postgresUrl: string, say: (line: string) => void): Promise<void> {
  const [tenantId] = seedTenants.map(tenant => tenant.tenantId)
  await withDatabase(databaseUrl(postgresUrl, { database: 'payments' }), async client => {
    for (let part = 0; part < expiredKeysParts; part += 1) {
      say(`a million expired keys: part ${part + 1} of ${expiredKeysParts}`)
      await client.query(expiredKeys, [part * partSize + 1, (part + 1) * partSize, tenantId])
    }
  })
  say(`${alertsCount} alerts`)
  await withDatabase(databaseUrl(postgresUrl, { database: 'notifications' }), async client => {
    await client.query(addresses, [alertsCount])
    await client.query(alerts, [alertsCount])
    await client.query('ANALYZE addresses, alerts')
  })
}

const expiredKeys = `
  INSERT INTO idempotency_keys (tenant_id, route, key, fingerprint, subject_id, leased_until,
    response_status, response_body, created_at, expires_at)
  SELECT $3::uuid, 'POST /v1/payments', 'filled-' || n,
    sha256(n::text::bytea), gen_random_uuid(), now(), 201, '{}', now() - interval '25 hours',
    now() - interval '1 hour' * random()
  FROM generate_series($1::integer, $2) AS n
  ON CONFLICT DO NOTHING`

const addresses = `
  INSERT INTO addresses (address, send_to, confirmed_at)
  SELECT name, name, now()
  FROM generate_series(1, $1::integer) AS n, LATERAL (SELECT 'filled-' || n || '@example.org') AS of (name)
  ON CONFLICT DO NOTHING`

/** The term of each alert is a word of its own, which no listing contains. */
const alerts = `
  INSERT INTO alerts (alert_id, address, text, terms, query, anchor)
  SELECT gen_random_uuid(), 'filled-' || n || '@example.org', term, ARRAY[term], term::tsquery, term
  FROM generate_series(1, $1::integer) AS n, LATERAL (SELECT 'zzfilled' || n) AS of (term)
  ON CONFLICT DO NOTHING`
