import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { searchTermsOf, termsQuery } from './search-terms.ts'

function finds(query: string, text: string): boolean {
  const terms = new Set(searchTermsOf(text))
  const wanted = searchTermsOf(query)
  return wanted.length > 0 && wanted.every(term => terms.has(term))
}

const odd = fc.constantFrom(
  ...['C#', 'C++', '.NET', 'Node.js', "O'Reilly", 'engineers', 'Straße', 'Ὀδυσσεύς', 'İ', 'ı', 'ǰ'],
  ...[
    '東京都',
    'エンジニア',
    'วิศวกร',
    '♯',
    '++',
    '#',
    '.',
    "'",
    '\\',
    '\u200b',
    '\u0301',
    'ﷺ',
    '™',
  ],
)
const anyText = fc
  .array(fc.oneof(odd, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), {
    maxLength: 12,
  })
  .chain(pieces => fc.constantFrom(pieces.join(' '), pieces.join('')))

describe('a text is found by', () => {
  // The first six: matrix-org/synapse#3116 and hasgeek/hasjob#188 report their kind.
  it.each([
    ['Ärztin in Köln', 'ärztin'],
    ['Frontend/Backend Engineer', 'backend'],
    ['Node.js', 'node'],
    ['CI/CD', 'ci'],
    ['C# developer', 'c#'],
    ['IT Manager', 'it'],
    ['React/Redux', 'redux react'],
    ['TCP/IP', 'IP'],
    ['Straße', 'STRASSE'],
    ['ẞ', 'ss'],
    ['ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
    ['İstanbul', 'istanbul'],
    ['ISTANBUL', 'ıstanbul'],
    ['Разработчик', 'РАЗРАБОТЧИК'],
    ['.NET 8', '.net'],
    ['.NET 8', 'net'],
    ['ASP.NET Core', '.NET'],
    ['ASP.NET Core', 'asp'],
    ['(Vue.js)', 'vue'],
    ['We use Node.js.', 'Node.js'],
    ['C++17', 'C++'],
    ['C/C++', 'C'],
    ['C♯', 'C#'],
    ['Ｃ＋＋', 'C++'],
    ['Java™', 'java'],
    ['Notepad++', 'notepad'],
    ['Objective-C', 'objective'],
    ['Objective-C', 'Objective-C'],
    ['Full Stack', 'full-stack'],
    ['e-commerce', 'commerce'],
    ['O’Reilly', "O'Reilly"],
    ["O'Reilly", 'reilly'],
    ['Entwickler*in', 'entwickler'],
    ['Engineer', 'engineers'],
    ['Engineering', 'engineer'],
    ['Companies', 'company'],
    ['nursing', 'nurses'],
    ['coding', 'code'],
    ['microservices', 'microservice'],
    ['ソフトウェアエンジニアを募集', 'エンジニア'],
    ['东京软件工程师', '软件'],
    ['วิศวกรซอฟต์แวร์ในกรุงเทพ', 'กรุงเทพ'],
    ['Java開発者', 'java'],
    ['cafe\u0301', 'café'],
    ['soft\u00adware', 'software'],
  ])('%j is found by %j', (text, query) => {
    expect(finds(query, text)).toBe(true)
  })

  it.each([
    ['C++ developer', 'C#'],
    ['C++ developer', 'C'],
    ['C# developer', 'C'],
    ['C# developer', 'C++'],
    ['C developer', 'C#'],
    ['net salary', '.NET'],
    ['node pools, Vue.js', 'Node.js'],
    ['excellent people', 'Excel'],
    ['game engine', 'engineer'],
    ['socket.io', 'iOS'],
    ['new', 'news'],
    ['東京都', '京都'],
    ['text', '!!!'],
    ['text', '   '],
    ['text', '🦀'],
  ])('%j is not found by %j', (text, query) => {
    expect(finds(query, text)).toBe(false)
  })
})

it('is found by each of its words, whatever it is', () => {
  void fc.assert(
    fc.property(anyText, text => {
      const words = text.split(/\s+/).filter(word => searchTermsOf(word).length > 0)
      for (const word of words) expect(finds(word, text)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

it('has the same terms again when they are a text themselves', () => {
  void fc.assert(
    fc.property(anyText, text => {
      const terms = searchTermsOf(text)
      expect(searchTermsOf(terms.join(' ')).toSorted()).toEqual(terms.toSorted())
    }),
    { numRuns: 2_000 },
  )
})

it('has terms that are a query by construction and that PostgreSQL can hold', () => {
  void fc.assert(
    fc.property(anyText, text => {
      const terms = searchTermsOf(text)
      for (const term of terms) expect(term).toMatch(/^[.]?[\p{L}\p{N}\p{M}.]+(\+\+|#)?$/u)
      for (const term of terms) expect(Buffer.byteLength(term)).toBeLessThan(512)
      expect(termsQuery(terms).split(' & ')).toHaveLength(Math.max(1, terms.length))
    }),
    { numRuns: 500 },
  )
})

it('quotes what would end a lexeme', () => {
  expect(termsQuery(["o'reilly", 'a\\'])).toBe("'o''reilly' & 'a\\\\'")
})

it('has a bounded number of terms of bounded length', () => {
  const numbers = Array.from({ length: 9_000 }, (_, i) => `n${i}`).join(' ')
  expect(searchTermsOf(numbers)).toHaveLength(4_000)
  expect(searchTermsOf('ab'.repeat(25_000))).toEqual(['ab'.repeat(32)])
})

it('takes time in proportion to the text', () => {
  const hard = ['a.', 'ing', '+', '.', 'ก', '漢字', 'アイウ', '\u0301\u0323', 'ﷺ', "'", 's ']
  for (const piece of hard) {
    const startedAt = performance.now()
    searchTermsOf(piece.repeat(20_000 / piece.length))
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  }
}, 60_000)
