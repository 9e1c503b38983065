import { expect, test } from 'vitest'
import { readEmailAddress } from './email-address.ts'

/** Each row has the spellings of one mailbox (mozilla/blurts-server#1540). */
test.each([
  ['ada@example.org', 'Ada@example.org', 'ada@EXAMPLE.ORG', 'ADA@Example.Org'],
  [
    'ada@xn--bcher-kva.example',
    'ada@bücher.example',
    'ada@bu\u0308cher.example',
    'Ada@BÜCHER.example',
    'ada@XN--BCHER-KVA.example',
    'ada@bücher\u3002example',
  ],
  ['ada@xn--strae-oqa.example', 'ada@straße.example', 'ada@Straße.EXAMPLE'],
  ["o'hara+jobs@example.org", "O'Hara+Jobs@example.org"],
])('an address has one identity in every spelling: %s', (identity, ...others) => {
  for (const spelling of [identity, ...others]) {
    expect(readEmailAddress(spelling)?.identity).toBe(identity)
  }
})

test('a mail goes to the local part as it was typed', () => {
  expect(readEmailAddress('Ada.L@BÜCHER.example')?.sendTo).toBe('Ada.L@xn--bcher-kva.example')
})

test.each([
  ['no characters', ''],
  ['no at sign', 'ada.example.org'],
  ['two at signs', 'ada@b@example.org'],
  ['a leading space', ' ada@example.org'],
  ['a trailing space', 'ada@example.org '],
  ['a no-break space', 'ada@example.org\u00a0'],
  ['a display name', 'Ada <ada@example.org>'],
  ['a second address', 'ada@example.org,eve@example.org'],
  ['a line break', 'ada@example.org\r\nBcc: eve@example.org'],
  ['a NUL', 'ada@example.org\u0000'],
  ['a quoted local part', '"ada l"@example.org'],
  ['a local part that begins with a dot', '.ada@example.org'],
  ['two dots in a row', 'ada..l@example.org'],
  ['a local part of 65 characters', `${'a'.repeat(65)}@example.org`],
  ['no top-level domain', 'ada@localhost'],
  ['a dot at the end', 'ada@example.org.'],
  ['an empty domain label', 'ada@example..org'],
  ['a domain label of 64 characters', `ada@${'a'.repeat(64)}.org`],
  ['a domain label that ends with a hyphen', 'ada@example-.org'],
  ['an IPv4 address as its domain', 'ada@127.0.0.1'],
  ['a shortened IPv4 address', 'ada@127.1'],
  ['an IPv4 address as a hexadecimal number', 'ada@0x7f.1'],
  ['an address literal', 'ada@[127.0.0.1]'],
  ['a percent escape', 'ada@ex%61mple.org'],
  ['a right-to-left override', 'ada@exa\u202emple.org'],
  ['a zero width joiner at the start', 'ada@\u200dexample.org'],
  ['half of a surrogate pair', 'ada@\ud800.org'],
])('a text with %s is no address', (_what, text) => {
  expect(readEmailAddress(text)).toBeUndefined()
})

test('a text of 50,000 characters is refused at once', () => {
  const startedMs = performance.now()
  for (const part of ['a', '@', '.', 'a@', '@.', '%', 'ß', 'a.']) {
    expect(readEmailAddress(part.repeat(50_000))).toBeUndefined()
    expect(readEmailAddress(`a@${part.repeat(50_000)}`)).toBeUndefined()
  }
  expect(performance.now() - startedMs).toBeLessThan(1_000)
})
