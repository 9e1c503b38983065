import { consoleLogEvents } from '@nightshift/console/log-events'
import { listingsLogEvents } from '@nightshift/listings/log-events'
import { crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { notificationsLogEvents } from '@nightshift/notifications/log-events'
import { circuitBreakerLogEvents } from '@nightshift/patterns/circuit-breaker/log-events'
import { deadLettersLogEvents } from '@nightshift/patterns/dead-letters/log-events'
import { paymentsLogEvents } from '@nightshift/payments/log-events'
import { runtimeLogEvents } from '@nightshift/runtime/telemetry/log-events'
import { expect, test } from 'vitest'
import { isTest, readRepository } from './source-tree.ts'

/** Every word of every log, each list under the name of its owner. */
const logEvents: Readonly<Record<string, object>> = {
  runtime: runtimeLogEvents,
  'circuit breaker': circuitBreakerLogEvents,
  'dead letters': deadLettersLogEvents,
  payments: paymentsLogEvents,
  listings: listingsLogEvents,
  notifications: notificationsLogEvents,
  console: consoleLogEvents,
}
const isList = (path: string) => path.endsWith('/log-events.ts')
const program = readRepository()
  .filter(({ path }) => !path.startsWith('tools/structure/') && !isTest(path) && !isList(path))
  .map(({ code }) => code)

/** An unknown word does not compile. An unused word compiles, so this test looks for it. */
test.each(Object.entries(logEvents))(
  'every word of the log of %s is logged somewhere',
  (_, list) => {
    const used = new Set(program.flatMap(({ strings }) => strings.map(({ text }) => text)))
    expect(Object.keys(list).filter(event => !used.has(event))).toEqual([])
  },
)

test('a word of a log has one owner', () => {
  const words = Object.values(logEvents).flatMap(list => Object.keys(list))
  expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([])
})

test('every crash label is somewhere in the code', () => {
  const calls = program.flatMap(code => code.calls).filter(({ name }) => name === 'crashpoint')
  const reached = new Set(calls.map(({ firstString }) => firstString))
  expect(Object.keys(crashPoints).filter(label => !reached.has(label))).toEqual([])
})
