import { expect, test } from 'vitest'
import { isUtf8, parsePlainJson } from './plain-json.ts'

/** serde-rs/json#762: one reader keeps the first of two names, the other the last. */
test.each([
  ['a name twice', '{"latencyMs":0,"latencyMs":900}'],
  ['a name twice, one of them escaped', '{"latencyMs":0,"l\\u0061tencyMs":900}'],
  ['a name twice, deep inside', '[{"a":[{"b":1,"c":[{}],"b":2}]}]'],
  ['a name twice behind a blank', '{"a" :1,"a"\n:2}'],
  ['names that end in a backslash', '{"\\\\":1,"\\\\":2}'],
  ['a name that is no property', '{"__proto__":{}}'],
  ['a byte that is no UTF-8', Buffer.from([0x22, 0x80, 0x22])],
  ['UTF-16', Buffer.from('{}', 'utf16le')],
  ['a comma too many', '{"a":1,}'],
  ['nothing', ''],
])('%s is refused with 400', (_what, body) => {
  expect(() => parsePlainJson(Buffer.from(body))).toThrow(
    expect.objectContaining({ statusCode: 400 }),
  )
})

test.each([
  '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
  '{"a":"{\\"a\\":1,\\"a\\":2}"}',
  '["a","a",":","a"]',
  ' null ',
])('%s is read', text => {
  expect(parsePlainJson(Buffer.from(text))).toEqual(JSON.parse(text))
})

test.each([
  ['application/json', true],
  ['application/json; charset=UTF-8', true],
  ['application/json;charset="utf-8"', true],
  ['application/json; charset=utf-16', false],
  ['application/json; charset=iso-8859-1', false],
])('%s is UTF-8: %s', (type, isIt) => {
  expect(isUtf8(type)).toBe(isIt)
})
