import { expect, test } from 'vitest'
import { readCode } from './read-code.ts'

const read = (text: string) => readCode('example.ts', text)

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
  ["type A = typeof import('x')", 'type'],
  ["export { a } from 'x'", 're-export'],
  ["export * from 'x'", 're-export'],
  ["export * as a from 'x'", 're-export'],
  ["export type { A } from 'x'", 'type re-export'],
])('%s', (text, kind) => {
  expect(read(text).imports).toMatchObject([{ specifier: 'x', line: 1, kind }])
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
  expect(read(text).imports).toEqual([])
})

test('code in the holes of a template is code, and lines are counted through everything', () => {
  const text = "/*\n*/\nconst a = `\n${await import('x')}\n`\nimport 'y'"
  expect(read(text).imports).toMatchObject([
    { specifier: 'x', line: 4, kind: 'dynamic' },
    { specifier: 'y', line: 6, kind: 'value' },
  ])
})

test('a file of imports and export lists passes on what other files made', () => {
  const passesOn = (text: string) => read(text).onlyPassesOn
  expect(passesOn("import { a } from 'x'\nexport { a }\nexport { b } from 'y'")).toBe(true)
  expect(passesOn("import { a } from 'x'\nexport const b = a")).toBe(false)
  expect(passesOn('const a = 1\nexport { a }')).toBe(false)
})

test('names are what the code reads, and not keys, members or words in comments', () => {
  const text = [
    'import { env as settings } from "node:process"',
    'const a = { Promise: 1, [key]: b.setTimeout, process } // await Date.now()',
    'const c = globalThis.process.env["HOME"]',
  ].join('\n')
  const names = read(text).names.map(({ text: name, line }) => `${name} ${line}`)
  expect(names).toEqual(expect.arrayContaining(['key 2', 'b.setTimeout 2', 'process.env 3']))
  expect(names).not.toContain('Promise 2')
  expect(names).not.toContain('setTimeout 2')
  expect(read(text).keys.map(({ text: key }) => key)).toEqual(['Promise', 'process'])
  expect(read(text).imports[0]?.names).toEqual(['env'])
})

test('calls are found with their arguments, and waits with their words', () => {
  const { calls, waits } = read(
    "async () => { await run('a', b); new Date(); for await (const x of y); }",
  )
  expect(calls).toMatchObject([
    { name: 'run', argumentCount: 2, firstString: 'a' },
    { name: 'new Date', argumentCount: 0 },
  ])
  expect(waits.map(({ text }) => text).toSorted()).toEqual(['async', 'await', 'await'])
})

test('a spread is a literal one if it spreads entries, and no condition decides about them', () => {
  const spreads = (text: string) => read(text).literalSpreads.length
  expect(spreads('f(...[a, b], { ...{ c }, ...([d] as const) })')).toBe(3)
  expect(spreads('f(...[], ...a, { ...(b && { c }), ...(d ? [e] : []), ...{} })')).toBe(0)
})

test('line comments below each other are one comment, without marks', () => {
  const text = '/**\n * One\n * two.\n */\na() // Three.\n// Four\n// five.\nb()\n// Six.'
  expect(read(text).comments).toEqual([
    { text: 'One two.', line: 1, lastLine: 4 },
    { text: 'Three.', line: 5, lastLine: 5 },
    { text: 'Four five.', line: 6, lastLine: 7 },
    { text: 'Six.', line: 9, lastLine: 9 },
  ])
})

test('a file whose syntax is wrong is an error that names it', () => {
  expect(() => read('const = 1')).toThrow('example.ts: ')
})
