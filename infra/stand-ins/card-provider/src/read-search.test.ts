import { expect, test } from 'vitest'
import { readSearch } from './read-search.ts'

test.each([
  ["metadata['payment_id']:'p-1'", { payment_id: 'p-1' }],
  ['metadata["payment_id"]:"p-1"', { payment_id: 'p-1' }],
  ["metadata['a']:'b c' AND metadata['d']:'e'", { a: 'b c', d: 'e' }],
  ["status:'succeeded'", undefined],
  ["metadata['a']:'b' OR metadata['d']:'e'", undefined],
  ["metadata['a']", undefined],
])('%s asks for %o', (query, metadata) => {
  expect(readSearch(query)).toEqual(metadata)
})
