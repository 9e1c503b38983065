/** Hands out API keys, ends them, and lists them. */
import { type Scope, scopes } from '@nightshift/contracts/scopes'
import { limits as listingsLimits } from '@nightshift/listings/limits'
import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { readNumber } from '@nightshift/local/read-number'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import {
  issueKey,
  type KeyTables,
  type ListedKey,
  listKeys,
  revokeKey,
} from '@nightshift/local/seed/tenant-keys'
import { loadSecrets, type Secrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { limits as paymentsLimits } from '@nightshift/payments/limits'
import { apiKeyIdOf } from '@nightshift/runtime/http/api-keys'
import { runCommandLine } from '../terminal/command-line.ts'
import { renderTable } from '../terminal/table.ts'

const tenantNames = seedTenants.map(({ name }) => name)

const help = `Usage: npm run keys -- issue <tenant> [--scopes A,B] [--days N] [--json]
       npm run keys -- revoke <key id> [--json]
       npm run keys [-- list] [--json]

API keys of the running system. A tenant may have two in use: issue the next, hand it over, revoke
the last. A key is shown once, and only its hash is stored.

  <tenant>             ${tenantNames.join(', ')}, or the UUID of another
  --scopes A,B         what it may do: ${scopes.join(', ')} (all of them)
  --days N             it expires by itself (never)
  <key id>             the eight characters after ns_test_
  --json               one JSON document instead of lines`

const options = {
  scopes: { type: 'string' },
  days: { type: 'string' },
  json: { type: 'boolean' },
} as const
const daysMax = 3_650
const dayMs = 24 * 3_600_000
const exitUsage = 2
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** However fresh a service's memory of a key is, it is asked about again after this. */
const stillAcceptedMs = Math.max(listingsLimits.apiKeys.cacheMs, paymentsLimits.apiKeys.cacheMs)

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run(values: Values, words: readonly string[]): Promise<number> {
  const [verb = 'list', subject, ...more] = words
  const subjects = { issue: 1, revoke: 1, list: 0 }[verb]
  if (subjects === undefined || more.length > 0 || (subject === undefined) === (subjects === 1)) {
    console.error(help)
    return exitUsage
  }
  if (verb === 'issue') await issue(subject ?? '', values)
  else if (verb === 'revoke') await revoke(subject ?? '', values)
  else await list(values)
  return 0
}

async function issue(tenant: string, { scopes: list, days, json }: Values): Promise<void> {
  const tenantId = readTenant(tenant)
  const wanted = readScopes(list)
  const expiresAt =
    days === undefined
      ? undefined
      : new Date(Date.now() + readNumber('--days', days, daysMax) * dayMs)
  const { tables } = await openTables()
  const issued = await issueKey(tables, { tenantId, scopes: wanted, expiresAt })
  if (issued.kind === 'full') {
    throw new Error(
      `${tenant} has two keys in use already. End one first: \`npm run keys -- revoke <key id>\`; ` +
        '`npm run keys` lists them.',
    )
  }
  const { key } = issued
  const keyId = apiKeyIdOf(key)
  if (json) {
    console.log(JSON.stringify({ key, keyId, tenantId, scopes: wanted, expiresAt }, null, 2))
    return
  }
  console.log(key)
  console.log(`\nShown now and never again. It works at once, for ${wanted.join(', ')}.`)
  console.log(`To end it: npm run keys -- revoke ${keyId}`)
}

async function revoke(keyId: string, { json }: Values): Promise<void> {
  const { tables, secrets } = await openTables()
  const known = (await listKeys(tables)).find(key => key.keyId === keyId)
  if (!known) throw new Error(`There is no key ${keyId}; \`npm run keys\` lists them.`)
  const services = await revokeKey(tables, keyId)
  const seeded = namesOfSeeded(secrets, keyId)
  if (json) {
    console.log(JSON.stringify({ keyId, services, stillAcceptedMs }, null, 2))
    return
  }
  if (services.length === 0) {
    console.log(`${keyId} was over already.`)
    return
  }
  const seconds = stillAcceptedMs / 1000
  console.log(`Revoked in ${services.join(' and ')}: refused after ${seconds} s at the latest.`)
  for (const name of seeded) {
    console.log(
      `It stands in .nightshift/secrets.json as the key of ${name}: what uses that is refused now.`,
    )
  }
}

async function list({ json }: Values): Promise<void> {
  const keys = await listKeys((await openTables()).tables)
  if (json) {
    console.log(JSON.stringify(keys, null, 2))
    return
  }
  const rows = keys.map(key => ({
    key: key.keyId,
    ends: `...${key.last4}`,
    holder: holderOf(key),
    state: stateOf(key),
    'known to': key.services.join(', '),
    scopes: key.scopes.join(' '),
  }))
  console.log(renderTable(rows))
}

function holderOf({ tenantId }: ListedKey): string {
  if (tenantId === null) return 'a service'
  return seedTenants.find(tenant => tenant.tenantId === tenantId)?.name ?? tenantId
}

function stateOf({ revokedAt, expiresAt }: ListedKey): string {
  const day = (date: Date) => date.toISOString().slice(0, 10)
  if (revokedAt) return `revoked ${day(revokedAt)}`
  if (!expiresAt) return 'in use'
  return expiresAt.getTime() < Date.now() ? `expired ${day(expiresAt)}` : `until ${day(expiresAt)}`
}

/** The tables of the running system. @throws with what to do when nothing runs */
async function openTables(): Promise<{ tables: KeyTables; secrets: Secrets }> {
  const { postgresUrl } = await findRunningSources(process.env)
  const secrets = await loadSecrets(statePaths().secrets)
  const table = (name: 'payments' | 'listings') => ({
    url: databaseUrl(postgresUrl, { database: name }),
    pepper: secrets.apiKeyPeppers[name],
  })
  return { tables: { payments: table('payments'), listings: table('listings') }, secrets }
}

function namesOfSeeded({ apiKeys, paymentsServiceKey }: Secrets, keyId: string): string[] {
  const seeded = { ...apiKeys, listings: paymentsServiceKey }
  return Object.entries(seeded)
    .filter(([, key]) => apiKeyIdOf(key) === keyId)
    .map(([name]) => name)
}

function readTenant(tenant: string): string {
  const known = seedTenants.find(({ name }) => name === tenant)
  if (known) return known.tenantId
  if (uuid.test(tenant)) return tenant
  throw new Error(`There is no employer ${tenant}: say ${tenantNames.join(', ')}, or a UUID.`)
}

function readScopes(list: string | boolean | undefined): Scope[] {
  if (typeof list !== 'string') return [...scopes]
  const names = [...new Set(list.split(','))]
  const wanted = scopes.filter(scope => names.includes(scope))
  if (wanted.length === names.length) return wanted
  throw new Error(`--scopes takes some of ${scopes.join(',')}.`)
}
