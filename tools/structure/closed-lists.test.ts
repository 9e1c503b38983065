import { join } from 'node:path'
import { crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { logEvents } from '@nightshift/runtime/telemetry/log-events'
import { expect, test } from 'vitest'
import { isCode, isTest, readSourceTree } from './source-tree.ts'

const lists = ['packages/runtime/src/telemetry/log-events.ts']
const code = readSourceTree(join(import.meta.dirname, '../..'), ['tools/structure'])
  .filter(({ path }) => isCode(path) && !isTest(path) && !lists.includes(path))
  .map(({ text }) => text)
  .join('\n')

/** That an unknown word does not compile is TypeScript's part; that no word is idle is ours. */
test('every word of the log vocabulary is said somewhere', () => {
  expect(logEvents.filter(event => !code.includes(`'${event}'`))).toEqual([])
})

test('every crash label is somewhere in the code', () => {
  const labels = Object.keys(crashPoints)
  expect(labels.filter(label => !code.includes(`crashpoint('${label}')`))).toEqual([])
})
