import { describe, expect, test } from 'vitest'
import { readNumber, wholeNumberIn } from './read-number.ts'

describe('a number of the command line is a plain decimal number', () => {
  test.each(['1', '10', '100'])('%s is accepted', text => {
    expect(readNumber('--count', text, 100)).toBe(Number(text))
  })

  test.each([
    '',
    ' 5',
    '5 ',
    '\n5',
    '0x10',
    '0b1',
    '1e1',
    '+5',
    '5.0',
    '05',
    '1_0',
    '٥',
    '-1',
    '0',
    '101',
  ])('%j is refused by name', text => {
    expect(() => readNumber('--count', text, 100)).toThrow('--count must be a whole number from 1')
  })

  test('a switch without a value is refused, and so is a number beyond the exact ones', () => {
    for (const odd of [true, undefined]) expect(wholeNumberIn(odd)).toBeUndefined()
    expect(wholeNumberIn('9007199254740993')).toBeUndefined()
    expect(readNumber('--lines', '0', 10, 0)).toBe(0)
  })
})
