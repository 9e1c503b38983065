import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const repository = join(import.meta.dirname, '../..')

/** Files of our own that run in production, by their path from the root. */
const sources = ['packages', 'services']
  .flatMap(root => filesBelow(root))
  .filter(path => /\/src\/.*\.ts$/.test(path) && !path.endsWith('.test.ts'))
  .map(path => ({ path, text: readFileSync(join(repository, path), 'utf8') }))

const patterns = 'packages/patterns/src'
const theCall = `${patterns}/outbound-call/outbound-call.ts`

function filesBelow(folder: string): string[] {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .map(entry => join(entry.parentPath, entry.name).slice(repository.length + 1))
}

function filesWith(what: RegExp): string[] {
  return sources.filter(({ text }) => what.test(text)).map(({ path }) => path)
}

describe('calls to other parties are put together in one place', () => {
  test('only that place asks a breaker, a bulkhead and a retry budget, beside the breaker itself', () => {
    for (const asked of [/\.admit\(\)/, /\bbulkhead\.enter\(\)/, /\.waitBeforeNext\(/]) {
      const others = filesWith(asked).filter(path => !path.includes('/circuit-breaker/'))
      expect(others).toEqual([theCall])
    }
  })

  test('only the breaker uses opossum, and only the HTTP client uses undici', () => {
    expect(filesWith(/from 'opossum'/).every(path => path.includes('/circuit-breaker/'))).toBe(true)
    expect(filesWith(/from 'undici'/)).toEqual([`${patterns}/unknown-outcome/http-client.ts`])
  })

  test('who makes a breaker, a bulkhead or a budget makes an outbound call of it', () => {
    const makers = filesWith(/\b(?:circuitBreaker|openBreaker|bulkhead|retryBudget)\(/).filter(
      path => !path.startsWith(patterns),
    )
    expect(makers.length).toBeGreaterThanOrEqual(3)
    expect(makers.filter(path => !filesWith(/\boutboundCall\(/).includes(path))).toEqual([])
  })

  test('who opens a client gives it to such a call, in the same file or one that it names', () => {
    const openers = filesWith(/\b(?:openHttpClient|openMailServer)\(/).filter(
      path => path.startsWith('services/') && !path.includes('/clients/'),
    )
    expect(openers.length).toBeGreaterThanOrEqual(3)
    const callers = filesWith(/\boutboundCalls?\(/)
    expect(openers.filter(path => !callers.includes(path))).toEqual([])
  })

  test('a command of Redis in a store is given to such a call', () => {
    const commands = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/^.*\bredis\.(?:get|set|incr|del)\(.*$/gm)].map(([line]) => ({
        path,
        line,
      })),
    )
    const inServices = commands.filter(({ path }) => path.startsWith('services/'))
    expect(inServices.length).toBeGreaterThanOrEqual(3)
    expect(inServices.filter(({ line }) => !/\bask\(cache, /.test(line))).toEqual([])
  })

  test('a client in services talks to its dependency only inside such a call', () => {
    const clients = filesWith(/\bhttp\.call\(|\btransport\.sendMail\(/).filter(path =>
      path.startsWith('services/'),
    )
    expect(clients.toSorted()).toEqual([
      'services/listings/src/clients/payments.ts',
      'services/notifications/src/clients/mail-server.ts',
      'services/payments/src/clients/provider-api.ts',
    ])
    // Each gets the call, or is itself given to one, as a try with a deadline.
    for (const path of clients) {
      expect(readFileSync(join(repository, path), 'utf8')).toMatch(
        /\bOutboundCall\b|deadline: Deadline/,
      )
    }
  })
})
