import { join } from 'node:path'
import { listingsLogEvents } from '@nightshift/listings/log-events'
import { crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { notificationsLogEvents } from '@nightshift/notifications/log-events'
import { circuitBreakerLogEvents } from '@nightshift/patterns/circuit-breaker/log-events'
import { deadLettersLogEvents } from '@nightshift/patterns/dead-letters/log-events'
import { paymentsLogEvents } from '@nightshift/payments/log-events'
import { runtimeLogEvents } from '@nightshift/runtime/telemetry/log-events'
import { expect, test } from 'vitest'
import { isCode, isTest, readSourceTree } from './source-tree.ts'

/** Every word of every log, each list under the name of its owner. */
const logEvents: Readonly<Record<string, readonly string[]>> = {
  runtime: runtimeLogEvents,
  'circuit breaker': circuitBreakerLogEvents,
  'dead letters': deadLettersLogEvents,
  payments: paymentsLogEvents,
  listings: listingsLogEvents,
  notifications: notificationsLogEvents,
}
const isList = (path: string) => path.endsWith('/log-events.ts')
const code = readSourceTree(join(import.meta.dirname, '../..'), ['tools/structure'])
  .filter(({ path }) => isCode(path) && !isTest(path) && !isList(path))
  .map(({ text }) => text)
  .join('\n')

/** That an unknown word does not compile is TypeScript's part; that no word is idle is ours. */
test.each(Object.entries(logEvents))(
  'every word of the log of %s is logged somewhere',
  (_, list) => {
    expect(list.filter(event => !code.includes(`'${event}'`))).toEqual([])
  },
)

test('a word of a log has one owner', () => {
  const words = Object.values(logEvents).flat()
  expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([])
})

test('every crash label is somewhere in the code', () => {
  const labels = Object.keys(crashPoints)
  expect(labels.filter(label => !code.includes(`crashpoint('${label}')`))).toEqual([])
})
