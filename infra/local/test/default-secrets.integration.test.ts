import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { makeApiKey } from '@nightshift/runtime/http/api-keys'
import { expect, test, vi } from 'vitest'
import { serviceNames } from '../src/system/secrets.ts'
import { repoRoot } from '../src/system/state.ts'

/** A service takes two seconds alone. Beside tests that flood a database it was not there after 15. */
const startMs = 60_000
vi.setConfig({ testTimeout: startMs + 10_000 })
/** sysexits.h: EX_CONFIG. */
const exitConfig = 78

/** The settings that Compose makes. No process listens at these addresses. */
const addresses = {
  KAFKA_BROKERS: '127.0.0.1:1',
  REDIS_URL: 'redis://127.0.0.1:1',
  PAYMENTS_URL: 'http://127.0.0.1:1',
  CARD_PROVIDER_URL: 'http://127.0.0.1:1',
  SMTP_URL: 'smtp://127.0.0.1:1',
  PUBLIC_URL: 'http://127.0.0.1:1',
}
const ownUrl = 'postgres://somebody:of-ones-own@127.0.0.1:1/nowhere'
const own = {
  ...addresses,
  DATABASE_URL: ownUrl,
  WORKER_DATABASE_URL: ownUrl,
  RELAY_DATABASE_URL: ownUrl,
  PAYMENTS_SERVICE_KEY: makeApiKey(),
  CARD_PROVIDER_SECRET_KEY: 'sk_test_of-ones-own-0000',
  CARD_PROVIDER_WEBHOOK_SECRETS: 'whsec_of-ones-own-new,whsec_of-ones-own-old',
  API_KEY_PEPPER: 'of-ones-own'.repeat(4),
  MAIL_LINK_SECRETS: `${'of-ones-own-new'.repeat(3)},${'of-ones-own-old'.repeat(3)}`,
}

/** Starts a service with these settings, and answers its exit code and the settings it refused. */
async function start(name: string, env: Record<string, string>) {
  const main = join(repoRoot, 'services', name, 'src/main.ts')
  const child = spawn(process.execPath, [main], { env, timeout: startMs })
  const [[code], printed] = await Promise.all([once(child, 'exit'), text(child.stdout)])
  const lines = printed
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
  const refusal = lines.find(line => line.event === 'configuration.refused')
  const mistakes: string[] = refusal?.mistakes ?? []
  return { code, printed, refused: mistakes.map(mistake => mistake.split(':', 1)[0]) }
}

const database = {
  DATABASE_URL: 'postgres://x:development-x@127.0.0.1:1/x',
  DATABASE_PASSWORD: 'development-x',
}
const roles = {
  WORKER_DATABASE_URL: database.DATABASE_URL,
  WORKER_DATABASE_PASSWORD: database.DATABASE_PASSWORD,
  RELAY_DATABASE_URL: database.DATABASE_URL,
  RELAY_DATABASE_PASSWORD: database.DATABASE_PASSWORD,
}
const pepper = { API_KEY_PEPPER: 'development-only-pepper-of-somebody-0000000' }
const defaults = {
  payments: {
    ...database,
    ...roles,
    ...pepper,
    CARD_PROVIDER_SECRET_KEY: 'sk_test_development-card-provider',
    CARD_PROVIDER_WEBHOOK_SECRETS: 'whsec_development-card-provider',
  },
  listings: {
    ...database,
    ...roles,
    ...pepper,
    PAYMENTS_SERVICE_KEY: 'ns_test_00000000_development-only-payments-service-key-00000_3csA4C',
  },
  notifications: {
    ...database,
    MAIL_LINK_SECRETS: 'development-only-mail-link-secret-00000000000',
  },
}

test.each(serviceNames)(
  '%s refuses in production every secret that stands in the repository',
  async name => {
    const started = await start(name, { ...own, ...defaults[name], NODE_ENV: 'production' })
    expect(started.code).toBe(exitConfig)
    expect(started.refused.toSorted()).toEqual(Object.keys(defaults[name]).toSorted())
    expect(started.printed).not.toContain('development-')
  },
)

test.each(serviceNames)('%s counts as in production when NODE_ENV is not set', async name => {
  expect((await start(name, { ...own, ...defaults[name] })).code).toBe(exitConfig)
})

test.each(['payments', 'listings'])(
  '%s refuses a short pepper in every environment',
  async name => {
    const started = await start(name, { ...own, NODE_ENV: 'development', API_KEY_PEPPER: 'short' })
    expect(started).toMatchObject({ code: exitConfig, refused: ['API_KEY_PEPPER'] })
  },
)

test.each(serviceNames)(
  '%s accepts its own secrets, and gets as far as its database',
  async name => {
    const started = await start(name, { ...own, NODE_ENV: 'production' })
    expect(started.code).toBe(1)
    expect(started.printed).toContain('ECONNREFUSED')
  },
)
