/** Hands out API keys, ends them, and lists them. */
import { type Scope, scopes, serviceScopes } from '@nightshift/contracts/scopes'
import { limits as listingsLimits } from '@nightshift/listings/limits'
import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { readNumber } from '@nightshift/local/read-number'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import {
  issueKey,
  issueServiceKey,
  type KeyTables,
  type ListedKey,
  listKeys,
  revokeKey,
} from '@nightshift/local/seed/tenant-keys'
import { loadSecrets, type Secrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { limits as paymentsLimits } from '@nightshift/payments/limits'
import { apiKeyIdOf } from '@nightshift/runtime/http/api-keys'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'
import { renderTable } from '../terminal/table.ts'

const tenantNames = seedTenants.map(({ name }) => name)

const description = `Hands out API keys of the running system, ends them, and lists them. A tenant may have two in use, and so may
listings, which calls payments with one: issue the next, hand it over, revoke the last. A key is shown once, and only its hash is stored.`

const daysMax = 3_650
const dayMs = 24 * 3_600_000
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** A service remembers a key for this long at most, and then reads it from its database again. */
const stillAcceptedMs = Math.max(listingsLimits.apiKeys.cacheMs, paymentsLimits.apiKeys.cacheMs)

const jsonFlag = ['--json', 'one JSON document instead of lines'] as const
const readDays = (text: string) => readNumber('--days', text, daysMax)

export const command = npmCommand('keys', description)
command
  .command('list')
  .description('Lists the keys. Without a subcommand, this one runs.')
  .option(...jsonFlag)
  .action(exitWith(list))
command
  .command('issue')
  .description('Makes a new key and shows it once.')
  .argument('[tenant]', `${tenantNames.join(', ')}, or the UUID of another`, parsedBy(readTenant))
  .option('--service', 'the next key by which listings calls payments, instead of a tenant')
  .option(
    '--scopes <a,b>',
    `what it may do: ${scopes.join(', ')} (all of them)`,
    parsedBy(readScopes),
  )
  .option('--days <n>', 'it expires by itself (never)', parsedBy(readDays))
  .option(...jsonFlag)
  .action(exitWith(issue))
command
  .command('revoke')
  .description('Ends a key.')
  .argument('<key-id>', 'the eight characters after ns_test_')
  .option(...jsonFlag)
  .action(exitWith(revoke))

if (import.meta.main) {
  const args = process.argv.slice(2)
  const isAboutNoKey = args.every(arg => arg === '--json')
  await runCommand(command, isAboutNoKey ? ['list', ...args] : args)
}

type Json = { json?: boolean }
type Tenant = { tenantId: string; tenant: string }

type IssueOptions = { service?: boolean; scopes?: Scope[]; days?: number } & Json

async function issue(tenant: Tenant | undefined, options: IssueOptions): Promise<number> {
  const { service, days, json } = options
  if ((tenant === undefined) === (service === undefined)) {
    throw new Error('Say for whom: an employer, or --service.')
  }
  if (service && options.scopes) {
    throw new Error('--scopes is for the key of an employer; a service gets what it needs.')
  }
  const expiresAt = days === undefined ? undefined : new Date(Date.now() + days * dayMs)
  const wanted = tenant ? (options.scopes ?? scopes) : serviceScopes
  const { tables } = await openTables()
  const issued = tenant
    ? await issueKey(tables, { tenantId: tenant.tenantId, scopes: wanted, expiresAt })
    : await issueServiceKey(tables.payments, expiresAt)
  if (issued.kind === 'full') {
    throw new Error(
      `${tenant?.tenant ?? 'listings'} has two keys in use already. End one first: \`npm run keys -- revoke <key id>\`; ` +
        '`npm run keys` lists them.',
    )
  }
  const { key } = issued
  const keyId = apiKeyIdOf(key)
  if (json) {
    const tenantId = tenant?.tenantId ?? null
    console.log(JSON.stringify({ key, keyId, tenantId, scopes: wanted, expiresAt }, null, 2))
    return 0
  }
  console.log(key)
  console.log(`\nShown now and never again. It works at once, for ${wanted.join(', ')}.`)
  if (service) {
    console.log('Put it into .nightshift/secrets.json as paymentsServiceKey, run `npm stop` and')
    console.log('`npm start`, and then end the last one: `npm run keys` lists it.')
    return 0
  }
  console.log(`To end it: npm run keys -- revoke ${keyId}`)
  return 0
}

async function revoke(keyId: string, { json }: Json): Promise<number> {
  const { tables, secrets } = await openTables()
  const known = (await listKeys(tables)).find(key => key.keyId === keyId)
  if (!known) throw new Error(`There is no key ${keyId}; \`npm run keys\` lists them.`)
  const services = await revokeKey(tables, keyId)
  const seeded = namesOfSeeded(secrets, keyId)
  if (json) {
    console.log(JSON.stringify({ keyId, services, stillAcceptedMs }, null, 2))
    return 0
  }
  if (services.length === 0) {
    console.log(`${keyId} had ended already.`)
    return 0
  }
  const seconds = stillAcceptedMs / 1000
  console.log(`Revoked in ${services.join(' and ')}: refused after ${seconds} s at the latest.`)
  for (const name of seeded) {
    console.log(
      `It is in .nightshift/secrets.json as the key of ${name}: callers that use it are refused now.`,
    )
  }
  return 0
}

async function list({ json }: Json): Promise<number> {
  const keys = await listKeys((await openTables()).tables)
  if (json) {
    console.log(JSON.stringify(keys, null, 2))
    return 0
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
  return 0
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

function readTenant(tenant: string): Tenant {
  const known = seedTenants.find(({ name }) => name === tenant)
  if (known) return { tenantId: known.tenantId, tenant }
  if (uuid.test(tenant)) return { tenantId: tenant, tenant }
  throw new Error(`There is no employer ${tenant}: say ${tenantNames.join(', ')}, or a UUID.`)
}

function readScopes(list: string): Scope[] {
  const names = [...new Set(list.split(','))]
  const wanted = scopes.filter(scope => names.includes(scope))
  if (wanted.length === names.length) return wanted
  throw new Error(`--scopes takes some of ${scopes.join(',')}.`)
}
