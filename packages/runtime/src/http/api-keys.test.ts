import { expect, test } from 'vitest'
import { apiKeyIdOf, hashApiKey, makeApiKey } from './api-keys.ts'

const pepper = 'p'.repeat(43)
const key = makeApiKey()

test('a new key can be read, and no two are the same', () => {
  const made = Array.from({ length: 100 }, () => makeApiKey())
  expect(new Set(made).size).toBe(made.length)
  for (const one of made) expect(apiKeyIdOf(one)).toBe(one.slice(8, 16))
})

test('the checksum of a known key stays the same: keys outlive a release', () => {
  const known = 'ns_test_0000000a_development-only-key-of-acme-00000000000000_3AX2Wk'
  expect(apiKeyIdOf(known)).toBe('0000000a')
})

test('a key with one other character is no key', () => {
  for (let at = 0; at < key.length; at += 1) {
    const other = key[at] === 'a' ? 'b' : 'a'
    expect(apiKeyIdOf(key.slice(0, at) + other + key.slice(at + 1))).toBeUndefined()
  }
})

test.each([
  '',
  ' ',
  'ns_test_',
  `${key} `,
  ` ${key}`,
  `${key}\n`,
  `${key}a`,
  key.slice(0, -1),
  key.slice(0, -7),
  key.toUpperCase(),
  key.replace('test', 'live'),
  'x'.repeat(100_000),
])('%j is no key', text => {
  expect(apiKeyIdOf(text)).toBeUndefined()
})

test('the stored hash needs the pepper, and does not contain the key', () => {
  const hash = hashApiKey(key, pepper)
  expect(hash).toHaveLength(32)
  expect(hash.equals(hashApiKey(key, pepper))).toBe(true)
  expect(hash.equals(hashApiKey(key, `${pepper}2`))).toBe(false)
  expect(hash.equals(hashApiKey(makeApiKey(), pepper))).toBe(false)
})
