import { expect, test } from 'vitest'
import { decodeCursor, encodeCursor } from './search-cursor.ts'

const cursor = {
  publishedMicros: '1795000000123456',
  listingId: '0f8fad5b-d9cb-469f-a165-70867728950e',
}

test('decoding a cursor restores it, with every microsecond', () => {
  expect(decodeCursor(encodeCursor(cursor))).toEqual(cursor)
})

test.each([
  'AAAA',
  Buffer.from('1.2').toString('base64url'),
  Buffer.from(`1.${'-'.repeat(36)}`).toString('base64url'),
  `${encodeCursor(cursor)}A`,
])('a text that is no cursor of ours is refused: %s', text => {
  expect(decodeCursor(text)).toBeUndefined()
})
