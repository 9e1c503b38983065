import { expect, test } from 'vitest'
import { readNumber } from './read-number.ts'

test.each(['1', '007', '100'])('%s is a number of rounds', text => {
  expect(readNumber('--rounds', text, 100)).toBe(Number(text))
})

test.each([
  '0',
  '101',
  '-1',
  '1.5',
  '1e1',
  '0x10',
  '0b1',
  ' 5',
  '5 ',
  '',
  'ten',
  '१',
  undefined,
  true,
])('%j is refused, and the option is named', text => {
  expect(() => readNumber('--rounds', text, 100)).toThrow('--rounds must be a whole number')
})
