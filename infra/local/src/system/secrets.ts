import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeApiKey } from '@nightshift/runtime/http/api-keys'
import { type RoleName, roleNames } from '../prepare/database-roles.ts'
import { readIfThere } from '../read-if-there.ts'
import { writeWhole } from '../write-whole.ts'

/** The services that own a database. */
export const serviceNames = ['payments', 'listings', 'notifications'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The employers of the demonstration; each gets an API key of its own. */
export const tenantNames = ['acme', 'northwind', 'lumen'] as const

/** The services that check API keys, each with a table and a pepper of its own. */
export const keyedServices = ['payments', 'listings'] as const
export type KeyedService = (typeof keyedServices)[number]

export type Secrets = Readonly<{
  /** Password of PostgreSQL's superuser, which only migrations and tests use. */
  postgresAdmin: string
  /** Only our services may read and write what they cache and count. */
  redis: string
  /** The roles that the services connect as; none of them may change a schema. */
  rolePasswords: Readonly<Record<RoleName, string>>
  cardProviderSecretKey: string
  /** Without its pepper a stored hash reveals nothing about a key. */
  apiKeyPeppers: Readonly<Record<KeyedService, string>>
  /** The card provider signs its webhooks with this. */
  cardProviderWebhookSecret: string
  /** Notifications signs the links in its mails with this. */
  mailLinkSecret: string
  /** Employer keys by tenant. */
  apiKeys: Readonly<Record<string, string>>
  /** The key by which listings calls payments, in the same form. */
  paymentsServiceKey: string
}>

/** Fresh random secrets: no password stands in the repository, not even for development. */
export function makeSecrets(): Secrets {
  return {
    postgresAdmin: randomText(),
    redis: randomText(),
    rolePasswords: Object.fromEntries(roleNames.map(role => [role, randomText()])) as Record<
      RoleName,
      string
    >,
    cardProviderSecretKey: `sk_test_${randomText()}`,
    apiKeyPeppers: { payments: randomText(), listings: randomText() },
    cardProviderWebhookSecret: `whsec_${randomText()}`,
    mailLinkSecret: randomText(),
    apiKeys: Object.fromEntries(tenantNames.map(tenant => [tenant, makeApiKey()])),
    paymentsServiceKey: makeApiKey(),
  }
}

/**
 * The secrets of a state directory, made on the first call and the same ever after, because the
 * databases on disk hold these passwords. Throws when the file exists and is damaged.
 */
export async function loadSecrets(file: string): Promise<Secrets> {
  const text = await readIfThere(file)
  const secrets = text === undefined ? makeSecrets() : parseSecrets(text, file)
  const whole = `${JSON.stringify(secrets, null, 2)}\n`
  if (text === whole) return secrets
  await mkdir(dirname(file), { recursive: true })
  await writeWhole(file, whole)
  return secrets
}

function parseSecrets(text: string, file: string): Secrets {
  const fix = 'run `npm run reset` to begin again with new ones'
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file} is not JSON; ${fix}`, { cause })
  }
  const made = makeSecrets()
  // Nothing on disk depends on the password of Redis, so a file from before it had one gets it.
  const known = { redis: made.redis, ...(found as object | null) }
  const absent = absentIn(known, made)
  if (absent.length > 0) throw new Error(`${file} lacks ${absent.join(', ')}; ${fix}`)
  return known as Secrets
}

/** The names of the example that have no such value in what was found. */
function absentIn(found: unknown, example: object): string[] {
  const values = new Map<string, unknown>(Object.entries(found ?? {}))
  return Object.entries(example).flatMap(([name, wanted]) => {
    const value = values.get(name)
    if (typeof wanted === 'string') return typeof value === 'string' && value !== '' ? [] : [name]
    return values.has(name) ? absentIn(value, wanted).map(inner => `${name}.${inner}`) : [name]
  })
}

const secretBytes = 32

/** 32 random bytes as 43 characters that need no escaping in a URL or a shell. */
function randomText(): string {
  return randomBytes(secretBytes).toString('base64url')
}
