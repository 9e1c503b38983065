import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logEvents } from '../../packages/runtime/src/log-events.ts'
import { isCode, isTest, readSourceTree } from './source-tree.ts'

/** That an unknown word does not compile is TypeScript's part; that no word is idle is ours. */
test('every word of the log vocabulary is said somewhere', () => {
  const said = readSourceTree(join(import.meta.dirname, '../..'), ['infra/structure'])
    .filter(({ path }) => isCode(path) && !isTest(path) && !path.endsWith('log-events.ts'))
    .map(({ text }) => text)
    .join('\n')
  expect(logEvents.filter(event => !said.includes(`'${event}'`))).toEqual([])
})
