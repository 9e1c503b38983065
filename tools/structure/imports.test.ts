import { expect, test } from 'vitest'
import { shapeOf } from './imports.ts'
import { scan } from './scan.ts'

test.each([
  ["import a from 'x'", 'value'],
  ["import 'x'", 'value'],
  ["import * as a from 'x'", 'value'],
  ["import a, { b as c } from 'x'", 'value'],
  ["import data from 'x' with { type: 'json' }", 'value'],
  ["import { type A } from 'x'", 'value'],
  ["import type from 'x'", 'value'],
  ["import type A from 'x'", 'type'],
  ["import type { A } from 'x'", 'type'],
  ["import type * as a from 'x'", 'type'],
  ["import {\n  a, // from 'y'\n} from 'x'", 'value'],
  ["const a = await import('x')", 'dynamic'],
  ["type A = typeof import('x')", 'dynamic'],
  ["export { a } from 'x'", 're-export'],
  ["export * from 'x'", 're-export'],
  ["export * as a from 'x'", 're-export'],
  ["export type { A } from 'x'", 'type re-export'],
])('%s', (text, kind) => {
  expect(shapeOf(scan(text)).imports).toEqual([{ specifier: 'x', line: 1, kind }])
})

test.each([
  ["// import a from 'x'"],
  ["/* import a\n from 'x' */"],
  ['const a = "import a from \'x\'"'],
  ["const a = 'it\\'s'; const b = \"import 'x'\""],
  ["const a = `import 'x' ${`import 'x' ${b}`} import 'x'`"],
  ["const a = /import 'x'/.test(b)"],
  ["const a = b / c; const d = 'import' / 'x'"],
  ['const a = import.meta.dirname'],
  ["loader.import('x')"],
  ['export const from = 1'],
  ['export type A = { from: string }'],
])('%s imports nothing', text => {
  expect(shapeOf(scan(text)).imports).toEqual([])
})

test('code in the holes of a template is code, and lines are counted through everything', () => {
  const text = "/*\n*/\nconst a = `\n${await import('x')}\n`\nimport 'y'"
  expect(shapeOf(scan(text)).imports).toEqual([
    { specifier: 'x', line: 4, kind: 'dynamic' },
    { specifier: 'y', line: 6, kind: 'value' },
  ])
})

test('a file of imports and export lists only passes on what others made', () => {
  const passesOn = (text: string) => shapeOf(scan(text)).onlyPassesOn
  expect(passesOn("import { a } from 'x'\nexport { a }\nexport { b } from 'y'")).toBe(true)
  expect(passesOn("import { a } from 'x'\nexport const b = a")).toBe(false)
  expect(passesOn('const a = 1\nexport { a }')).toBe(false)
})
