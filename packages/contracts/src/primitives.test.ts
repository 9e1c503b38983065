import { Check } from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { multiLine, searchText, singleLine } from './primitives.ts'

const line = singleLine(50_000, 'A line.')
const text = multiLine(50_000, 'A text.')
const code = (character: string) => `U+${character.codePointAt(0)?.toString(16)}`

/** Characters that are refused in every place, by kind. */
const refusedByKind = {
  controls: '\0\u0007\u001b\u007f\u0080\u0085\u009b\u000b\u000c',
  directions: '\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u206a',
  invisible: '\u2060\u2061\ufeff\ufff9\u{e0001}\u{e0041}\u{1d173}',
  privateUse: '\ue000\u{100000}',
  unassigned: '\ufffe\uffff\u{1ffff}\u0378',
}
const refused = Object.values(refusedByKind)
  .flatMap(characters => [...characters])
  .concat('\ud800', '\udfff')

describe('text consists of harmless characters', () => {
  test.each(refused.map(character => [code(character), character]))('%s is refused', (_, odd) => {
    for (const schema of [line, text, searchText]) expect(Check(schema, `a${odd}b`)).toBe(false)
  })

  test.each(['\n', '\t', '\r\n', '\u2028', '\u2029'])(
    '%j is refused in a single line',
    character => {
      expect(Check(line, `a${character}b`)).toBe(false)
      expect(Check(searchText, `a${character}b`)).toBe(false)
      expect(Check(text, `a${character}b`)).toBe(true)
    },
  )

  test('a carriage return alone is no line break', () => {
    for (const odd of ['a\rb', 'a\r', '\r\ra', 'a\n\r']) expect(Check(text, odd)).toBe(false)
    expect(Check(text, 'a\r\n\r\nb\n\n\tc\r\n')).toBe(true)
  })

  test.each([
    'Ärztin in Köln',
    'می‌خواهم',
    'क्‍ष',
    'ប្រាក់\u200bខែ',
    'Donau\u00addampf',
    '開発者(東京)',
    'a\u0308',
    '👩‍💻 wanted ❤️',
    '🏴󠁧󠁢󠁥󠁮󠁧󠁿 London 🏴',
    '🇩🇪 Berlin',
    'C++ & C# <b> "quoted" \\ €100k ½ ™',
    'a\u00a0b\u2003c\u3000d',
    '!',
    '\ufffd',
  ])('%s is accepted as text', odd => {
    expect([Check(line, odd), Check(text, odd), Check(searchText, odd)]).toEqual([true, true, true])
  })

  test.each(['🏴\u{e0041}', '🏴\u{e0067}', '🏴\u{e007f}', `🏴${'\u{e0061}'.repeat(7)}\u{e007f}`])(
    'text hidden behind a flag is refused: %j',
    odd => {
      expect([Check(line, odd), Check(text, odd)]).toEqual([false, false])
    },
  )
})

test.each([
  '',
  ' ',
  '\u00a0\u2003\u3000',
  '\u200b',
  '\u200d\u200c\u00ad',
  '\u3164',
  '\u115f\u1160\uffa0',
  '\u2800',
  '\u0301',
  '\ufe0f',
])('%j shows nothing and is refused', empty => {
  expect([Check(line, empty), Check(text, empty), Check(text, `${empty}\n`)]).toEqual([
    false,
    false,
    false,
  ])
})

test('a search text may be invisible: its terms are checked later', () => {
  expect(Check(searchText, '   ')).toBe(true)
})

test('each pattern also compiles without the flag `u`', () => {
  for (const schema of [line, text, searchText]) {
    expect(() => new RegExp((schema as { pattern?: string }).pattern ?? '[')).not.toThrow()
  }
})
