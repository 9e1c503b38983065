import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readIfThere } from '../read-if-there.ts'
import { writeWhole } from '../write-whole.ts'

/** The services that own a database, and the role that each connects as. */
export const serviceNames = ['payments', 'listings', 'notifications'] as const
export type ServiceName = (typeof serviceNames)[number]

/** The employers of the demonstration; each gets an API key of its own. */
export const tenantNames = ['acme', 'northwind', 'lumen'] as const

export type Secrets = Readonly<{
  /** Password of PostgreSQL's superuser, which only migrations and tests use. */
  postgresAdmin: string
  /** Password of each service's own role, which may not change the schema. */
  rolePasswords: Readonly<Record<ServiceName, string>>
  cardProviderSecretKey: string
  /** Employer keys by tenant: `ns_test_<8 hex: public id>_<43 base64url: secret>`. */
  apiKeys: Readonly<Record<string, string>>
  /** What listings shows to payments, in the same form. */
  paymentsServiceKey: string
}>

/** Fresh random secrets. Nothing in the repository is a password, not even a development one. */
export function makeSecrets(): Secrets {
  return {
    postgresAdmin: randomText(),
    rolePasswords: {
      payments: randomText(),
      listings: randomText(),
      notifications: randomText(),
    },
    cardProviderSecretKey: `sk_test_${randomText()}`,
    apiKeys: Object.fromEntries(tenantNames.map(tenant => [tenant, makeApiKey()])),
    paymentsServiceKey: makeApiKey(),
  }
}

/**
 * The secrets of a state directory, made on the first call and the same ever after: the databases
 * on disk know these passwords. Throws when the file is there but is not ours.
 */
export async function loadSecrets(file: string): Promise<Secrets> {
  const text = await readIfThere(file)
  if (text !== undefined) return parseSecrets(text, file)
  const secrets = makeSecrets()
  await mkdir(dirname(file), { recursive: true })
  await writeWhole(file, `${JSON.stringify(secrets, null, 2)}\n`)
  return secrets
}

function parseSecrets(text: string, file: string): Secrets {
  const fix = 'run `npm run reset` to begin again with new ones'
  let found: Record<string, unknown>
  try {
    found = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file} is not JSON; ${fix}`, { cause })
  }
  const absent = Object.keys(makeSecrets()).filter(name => !(name in found))
  if (absent.length > 0) throw new Error(`${file} lacks ${absent.join(', ')}; ${fix}`)
  return found as Secrets
}

const secretBytes = 32
const keyIdBytes = 4

function makeApiKey(): string {
  return `ns_test_${randomBytes(keyIdBytes).toString('hex')}_${randomText()}`
}

/** 32 random bytes as 43 characters that need no escaping in a URL or a shell. */
function randomText(): string {
  return randomBytes(secretBytes).toString('base64url')
}
