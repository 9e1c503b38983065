import { crashLabels } from '@nightshift/runtime/process/crashpoint'
import { logEvents } from '@nightshift/runtime/telemetry/log-events'
import { expect, test } from 'vitest'
import { isTest, readRepository } from './source-tree.ts'

const lists = [
  'packages/runtime/src/telemetry/log-events.ts',
  'packages/runtime/src/process/crashpoint.ts',
]
const program = readRepository()
  .filter(({ path }) => !path.startsWith('tools/structure/') && !isTest(path))
  .filter(({ path }) => !lists.includes(path))
  .map(({ code }) => code)

/** An unknown word does not compile. An unused word compiles, so this test looks for it. */
test('every word of the log vocabulary is used somewhere', () => {
  const used = new Set(program.flatMap(({ strings }) => strings.map(({ text }) => text)))
  expect(logEvents.filter(event => !used.has(event))).toEqual([])
})

test('every crash label is somewhere in the code', () => {
  const calls = program.flatMap(code => code.calls).filter(({ name }) => name === 'crashpoint')
  const reached = new Set(calls.map(({ firstString }) => firstString))
  expect(crashLabels.filter(label => !reached.has(label))).toEqual([])
})
