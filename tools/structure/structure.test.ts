import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkTree } from './check-tree.ts'
import { workspaceFolderOf } from './place.ts'
import { environmentAllowed } from './rules/environment.ts'
import { readRepository, readSourceTree, type SourceFile, sourceFile } from './source-tree.ts'
import type { Violation } from './violation.ts'

const fixtures = join(import.meta.dirname, 'fixtures')

test('the repository keeps every rule', () => {
  const violations = checkTree(readRepository(), environmentAllowed)
  expect(violations.map(describeViolation)).toEqual([])
})

test('a package is named after its folder, so that an import shows where to look', () => {
  const misplaced = readRepository()
    .filter(({ path }) =>
      /^(packages|services|infra|tools\/(?!node))\/?.*package\.json$/.test(path),
    )
    .map(({ path, text }) => ({ path, name: String(JSON.parse(text).name) }))
    .filter(({ path, name }) => `${workspaceFolderOf(name)}/package.json` !== path)
  expect(misplaced).toEqual([])
})

describe('each rule finds what it is for, where it is, and nothing else', () => {
  const rules = readdirSync(fixtures).filter(name => name !== 'clean')

  test.each(rules)('%s', rule => {
    const files = readSourceTree(join(fixtures, rule))
    const expected = files.flatMap(markedLines)
    expect(expected).not.toEqual([])
    const found = violationsOfFixture(files, rule).map(v => `${v.file}:${v.line} ${v.rule}`)
    expect(found.toSorted()).toEqual(expected.map(place => `${place} ${rule}`).toSorted())
  })
})

test('a tree that only looks broken, in comments and strings, passes', () => {
  expect(violationsOfFixture(readSourceTree(join(fixtures, 'clean')), 'clean')).toEqual([])
})

test('an entry of an allow-list that is no longer needed is an error', () => {
  const files = [sourceFile('infra/local/src/doctor.ts', 'export const home = "/"')]
  expect(checkTree(files, { 'infra/local/src/doctor.ts': 'looks for programs' })).toMatchObject([
    { rule: 'environment', file: 'infra/local/src/doctor.ts', line: 1 },
  ])
})

test('tests may use the harness and every layer of their own service, but no other service', () => {
  const path = 'services/payments/test/take-payment.integration.test.ts'
  const allowed = [
    "import { openTestSystem } from '@nightshift/load-tests/harness/test-system'",
    "import { insertPayment } from '../src/store/payments.ts'",
    "import { expect } from 'vitest'",
  ]
  expect(checkTree([sourceFile(path, allowed.join('\n'))])).toEqual([])
  const forbidden = "import { insertListing } from '@nightshift/listings/store/listings'"
  expect(checkTree([sourceFile(path, forbidden)])).toMatchObject([
    { rule: 'package-imports', line: 1 },
  ])
})

/** Files of a fixture are small, and most have one importer: one fixture is about that. */
function violationsOfFixture(files: readonly SourceFile[], fixture: string): Violation[] {
  return checkTree(files).filter(({ rule }) => rule !== 'small-files' || fixture === rule)
}

/** The lines of a fixture that break its rule are marked in the fixture. */
function markedLines({ path, text }: SourceFile): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (line.includes('broken here') ? [`${path}:${index + 1}`] : []))
}

function describeViolation({ rule, file, line, message }: Violation): string {
  return `${file}:${line} [${rule}] ${message}`
}
