import { describe, expect, test } from 'vitest'
import { JsonRefused, parseStrictJson } from './strict-json.ts'

function mistakeIn(text: string | Uint8Array): string | undefined {
  try {
    parseStrictJson(Buffer.from(text))
    return undefined
  } catch (error) {
    if (error instanceof JsonRefused) return error.code.replace('NIGHTSHIFT_JSON_', '')
    throw error
  }
}

describe('a text that two readers may read differently is refused', () => {
  // The first: serde-rs/json#762. One reader keeps the first of two names, the other the last.
  test.each([
    ['a name twice', '{"amountCents":4900,"amountCents":1}'],
    ['a name twice with one value', '{"a":1,"a":1}'],
    ['a name twice, one of them escaped', '{"a":1,"\\u0061":2}'],
    ['a name twice, deep inside', '[[{"b":[{"a":{},"c":0,"a":[]}]}]]'],
    ['a name three times', '{"a":1,"a":2,"a":3}'],
    ['an empty name twice', '{"":1,"":2}'],
    ['names like numbers twice', '{"1":1,"1":2}'],
    ['a blank before the colon', '{"a" \t\r\n:1,"a"\n:2}'],
    ['names with quotes twice', '{"\\"":1,"\\"":2}'],
    ['names that end in a backslash twice', '{"\\\\":1,"\\\\":2}'],
    ['too great a number', '1e400'],
    ['too small a number', '[1e-400]'],
    ['an integer beyond 2^53', '{"a":12345678901234567890}'],
    ['2^53 + 1', '9007199254740993'],
    ['more digits than count', '{"amountCents":4900.0000000000000001}'],
    ['one more digit than counts', '4900.0000000000001'],
    ['a very long number', `1${'0'.repeat(500)}`],
  ])('%s', (_what, text) => {
    expect(mistakeIn(text)).toBe('AMBIGUOUS')
  })
})

describe('a text with one meaning is read', () => {
  test.each([
    ['names that are the same in two objects', '[{"a":1},{"a":{"a":2}}]'],
    ['text with a colon behind it', '{"a":"b\\":","c":"\\"d\\":1"}'],
    ['text about a number', '{"a":"1e400, 12345678901234567890"}'],
    ['a name about a number', '{"1e400":1}'],
    ['a composed and a decomposed name', '{"\u00e9":1,"e\u0301":2}'],
    ['an amount in many ways', '[4900,4900.00,4.9e3,49E+2,490000e-2,-0,0.0,0e5]'],
    ['fractions', '[0.1,1.0823,0.30000000000000004,1e-7,1.7976931348623157e308,5e-324]'],
    ['a fraction with 17 digits', '0.10000000000000001'],
    ['2^53', '9007199254740992'],
    ['constructor', '{"constructor":1,"prototype":{}}'],
    ['a pair in two escapes', '"\\ud83d\\uDE42"'],
    ['nothing much', ' null '],
  ])('%s', (_what, text) => {
    expect(mistakeIn(text)).toBeUndefined()
    expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text))
  })

  test('a byte order mark is no part of the text', () => {
    expect(parseStrictJson(Buffer.from('\ufeff{"a":1}'))).toEqual({ a: 1 })
    expect(mistakeIn('\ufeff\ufeff{}')).toBe('MALFORMED')
  })
})

describe('a text that is no JSON is refused', () => {
  test.each([
    ['nothing', '', 'MALFORMED'],
    ['a comma too many', '{"a":1,}', 'MALFORMED'],
    ['NaN', 'NaN', 'MALFORMED'],
    ['a leading zero', '{"a":01}', 'MALFORMED'],
    ['a plus sign', '+1', 'MALFORMED'],
    ['something behind it', '{} {}', 'MALFORMED'],
    ['__proto__', '{"a":[{"__proto__":{}}]}', 'MALFORMED'],
    ['__proto__ in an escape', '{"\\u005f_proto__":1}', 'MALFORMED'],
    ['constructor.prototype', '{"constructor":{"prototype":{}}}', 'MALFORMED'],
    ['a byte that is no UTF-8', Buffer.from([0x22, 0x80, 0x22]), 'NOT_UNICODE'],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'NOT_UNICODE'],
    ['an overlong form', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'NOT_UNICODE'],
    ['half a pair', '["\\ud83d"]', 'NOT_UNICODE'],
    ['half a pair in a name', '{"\\uDC00":1}', 'NOT_UNICODE'],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'NOT_UNICODE'],
  ])('%s', (_what, text, mistake) => {
    expect(mistakeIn(text)).toBe(mistake)
  })
})

test('takes time in proportion to the text, however deep it is', () => {
  const length = 500_000
  const texts = [
    `${'['.repeat(length)}${']'.repeat(length)}`,
    `${'{"a":'.repeat(length / 5)}1${'}'.repeat(length / 5)}`,
    `"${'\\\\'.repeat(length)}"`,
    `"${' '.repeat(length)}"${' '.repeat(length)}`,
    `[${'1,'.repeat(length)}1.5]`,
    `[${'"a" ,'.repeat(length / 5)}1]`,
    `1${'0'.repeat(length)}`,
    `0.${'0'.repeat(length)}`,
    `[${'"'.repeat(length)}`,
  ]
  for (const text of texts) {
    const startedAt = performance.now()
    mistakeIn(text)
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  }
}, 60_000)
