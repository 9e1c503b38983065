import { expect, test } from 'vitest'
import { isUtf8, parseStrictJson } from './strict-json.ts'

/** Readers of JSON differ: one keeps the first of two equal names, another the last (serde-rs/json#762). */
test.each([
  ['an object with the same name twice', '{"latencyMs":0,"latencyMs":900}'],
  ['the same name twice, one of them escaped', '{"latencyMs":0,"l\\u0061tencyMs":900}'],
  ['the same name twice in a nested object', '[{"a":[{"b":1,"c":[{}],"b":2}]}]'],
  ['the same name twice before white space', '{"a" :1,"a"\n:2}'],
  ['the same name twice that ends in a backslash', '{"\\\\":1,"\\\\":2}'],
  ['the name __proto__', '{"__proto__":{}}'],
  ['a byte that is not UTF-8', Buffer.from([0x22, 0x80, 0x22])],
  ['UTF-16', Buffer.from('{}', 'utf16le')],
  ['a trailing comma', '{"a":1,}'],
  ['an empty body', ''],
])('%s is refused with 400', (_title, body) => {
  expect(() => parseStrictJson(Buffer.from(body))).toThrow(
    expect.objectContaining({ statusCode: 400 }),
  )
})

test.each([
  '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
  '{"a":"{\\"a\\":1,\\"a\\":2}"}',
  '["a","a",":","a"]',
  ' null ',
])('%s is parsed as usual', text => {
  expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text))
})

test.each([
  ['application/json', true],
  ['application/json; charset=UTF-8', true],
  ['application/json;charset="utf-8"', true],
  ['application/json; charset=utf-16', false],
  ['application/json; charset=iso-8859-1', false],
])('%s is accepted as UTF-8: %s', (contentType, expected) => {
  expect(isUtf8(contentType)).toBe(expected)
})
