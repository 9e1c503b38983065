import { expect, test } from 'vitest'
import { readSearch } from './read-search.ts'

test.each([
  ["metadata['payment_id']:'p-1'", { payment_id: 'p-1' }],
  ['metadata["payment_id"]:"p-1"', { payment_id: 'p-1' }],
  [`metadata["payment_id"]:'p-1'`, { payment_id: 'p-1' }],
  ["metadata['a']:'b c' AND metadata['d']:'e'", { a: 'b c', d: 'e' }],
  ["metadata['a']:'b' metadata['d']:'e'", { a: 'b', d: 'e' }],
  ["metadata['a']:'b' and metadata['d']:'e'", { a: 'b', d: 'e' }],
  ["metadata['a']:'b AND c'", { a: 'b AND c' }],
  [String.raw`metadata['a']:'it\'s'`, { a: "it's" }],
  [String.raw`metadata["a"]:"it's \"so\""`, { a: `it's "so"` }],
  [String.raw`metadata['a']:'b\\'`, { a: 'b\\' }],
  ["metadata['__proto__']:'b'", Object.fromEntries([['__proto__', 'b']])],
  ["metadata['a']:'b' AND metadata['a']:'b'", { a: 'b' }],
  ["metadata['a']:'b' AND metadata['a']:'c'", 'nothing'],
  ["status:'succeeded'", undefined],
  ["metadata['a']:'b' OR metadata['d']:'e'", undefined],
  ["-metadata['a']:'b'", undefined],
  ["metadata['a']~'b'", undefined],
  ["metadata['a']:'it's'", undefined],
  [String.raw`metadata['a']:'b\'`, undefined],
  ["metadata['a']:'b'metadata['d']:'e'", undefined],
  ["metadata['a']:'b' AND", undefined],
  ["metadata['a']:''", undefined],
  [`metadata['a']:'${'b'.repeat(501)}'`, undefined],
  [`metadata['${'a'.repeat(41)}']:'b'`, undefined],
  ["metadata['a']", undefined],
  ['', undefined],
] as const)('%s is read as %o', (query, metadata) => {
  expect(readSearch(query)).toEqual(metadata)
})

test('a long query of backslashes and quotes is read in linear time', () => {
  const query = `metadata['a']:'${`\\'`.repeat(50_000)}`
  const startedAt = performance.now()
  expect(readSearch(query)).toBeUndefined()
  expect(performance.now() - startedAt).toBeLessThan(500)
})
