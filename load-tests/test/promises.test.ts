import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { expect, test } from 'vitest'
import { explainPromise, promises } from '../auditor/promises.ts'
import { promiseCodes } from '../auditor/verdict.ts'

test('the table has every promise once, in the order of the codes', () => {
  expect(promises.map(({ code }) => code)).toEqual(promiseCodes)
})

test.each(promises)('$code names tests that exist', ({ tests = [] }) => {
  expect(tests.filter(path => !existsSync(join(repoRoot, path)))).toEqual([])
})

test('every promise but L8 (goodput after an overload) has a check or a test', () => {
  const unchecked = promises.filter(
    ({ checks, tests = [] }) => checks.length === 0 && tests.length === 0,
  )
  expect(unchecked.map(({ code }) => code)).toEqual(['L8'])
})

test('a code is explained in a few words', () => {
  expect(explainPromise('S4')).toBe('S4: every committed event is published')
})
