import { expect, test } from 'vitest'
import { readLink, signLink } from './signed-link.ts'

const secret = 'a'.repeat(40)
const claim = '0f8fad5b-d9cb-469f-a165-70867728950e.1'
const token = signLink(secret, 'confirm', claim)

test('a link is valid with the secret that signed it, for its own purpose', () => {
  expect(readLink([secret], 'confirm', token)).toBe(claim)
  expect(readLink([secret], 'unsubscribe', token)).toBeUndefined()
  expect(readLink(['b'.repeat(40)], 'confirm', token)).toBeUndefined()
})

test('while a secret is replaced, links of the old one are still valid', () => {
  expect(readLink(['b'.repeat(40), secret], 'confirm', token)).toBe(claim)
})

test('no change of one character makes another valid link', () => {
  for (let at = 0; at < token.length; at += 1) {
    for (const other of ['A', '0', '.', '-']) {
      if (token[at] === other) continue
      const changed = token.slice(0, at) + other + token.slice(at + 1)
      expect(readLink([secret], 'confirm', changed)).toBeUndefined()
    }
  }
})

test.each(['', '.', 'a', '.a', `${token}x`, `${token}.`, token.slice(0, -1), `${claim}.é`])(
  '%j is no link',
  text => {
    expect(readLink([secret], 'confirm', text)).toBeUndefined()
  },
)
