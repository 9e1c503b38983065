/**
 * `prepare` as a program for Docker Compose. It runs once before the services, with the settings that
 * Compose gives to all of them, and prints its result as one line of JSON.
 */

import { withPassword } from '@nightshift/runtime/process/with-password'
import { tenantNames } from '../system/secrets.ts'
import { type PrepareOptions, prepare } from './prepare.ts'

if (import.meta.main) {
  const options = optionsOrMistake()
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n`)
    process.exitCode = 1
  } else {
    const prepared = await prepare(options)
    console.log(JSON.stringify({ event: 'prepared', ...prepared }))
  }
}

/** A setting that is missing is a mistake of a person, who needs no stack. */
function optionsOrMistake(): PrepareOptions | string {
  try {
    return readOptions(process.env)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** The settings of the container. @throws naming all that are not set */
export function readOptions(environment: NodeJS.ProcessEnv): PrepareOptions {
  const missing: string[] = []
  const read = (name: string) => {
    const value = environment[name]
    if (!value) missing.push(name)
    return value ?? ''
  }
  const adminUrl = read('DATABASE_ADMIN_URL')
  const adminPassword = read('DATABASE_ADMIN_PASSWORD')
  const options = {
    kafkaBrokers: read('KAFKA_BROKERS'),
    isOurServer: true,
    secrets: {
      rolePasswords: {
        payments: read('PAYMENTS_PASSWORD'),
        payments_worker: read('PAYMENTS_WORKER_PASSWORD'),
        payments_relay: read('PAYMENTS_RELAY_PASSWORD'),
        payments_reader: read('PAYMENTS_READER_PASSWORD'),
        listings: read('LISTINGS_PASSWORD'),
        listings_worker: read('LISTINGS_WORKER_PASSWORD'),
        listings_relay: read('LISTINGS_RELAY_PASSWORD'),
        listings_reader: read('LISTINGS_READER_PASSWORD'),
        notifications: read('NOTIFICATIONS_PASSWORD'),
        notifications_reader: read('NOTIFICATIONS_READER_PASSWORD'),
      },
      apiKeyPeppers: {
        payments: read('PAYMENTS_API_KEY_PEPPER'),
        listings: read('LISTINGS_API_KEY_PEPPER'),
      },
      paymentsServiceKey: read('PAYMENTS_SERVICE_KEY'),
      apiKeys: readApiKeys(environment),
    },
  }
  if (missing.length > 0) throw new Error(`Not set: ${missing.join(', ')}`)
  return { ...options, adminUrl: withPassword(adminUrl, adminPassword) }
}

/** The employers' keys are optional, `ACME_API_KEY` and so on; without one, no access. */
function readApiKeys(environment: NodeJS.ProcessEnv): Record<string, string> {
  const keys: Record<string, string> = {}
  for (const tenant of tenantNames) {
    const key = environment[`${tenant.toUpperCase()}_API_KEY`]
    if (key) keys[tenant] = key
  }
  return keys
}
