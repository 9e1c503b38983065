import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { searchTermsOf, termsQuery } from './search-terms.ts'

function finds(query: string, text: string): boolean {
  const terms = new Set(searchTermsOf(text))
  const required = searchTermsOf(query)
  return required.length > 0 && required.every(term => terms.has(term))
}

const oddWords = `C# C++ .NET Node.js O'Reilly engineers Straße Ὀδυσσεύς İ ı ǰ 東京都 エンジニア วิศวกร`
const oddCharacters = ['♯', '++', '#', '.', "'", '\\', '\u200b', '\u0301', 'ﷺ', '™']
const odd = fc.constantFrom(...oddWords.split(' '), ...oddCharacters)
const anyText = fc
  .array(fc.oneof(odd, fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })), {
    maxLength: 12,
  })
  .chain(pieces => fc.constantFrom(pieces.join(' '), pieces.join('')))

describe('a query finds the texts that contain its words', () => {
  // The first six are like the reports in matrix-org/synapse#3116 and hasgeek/hasjob#188.
  test.each([
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

  test.each([
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

test('every text is found by each of its words', () => {
  void fc.assert(
    fc.property(anyText, text => {
      const words = text.split(/\s+/).filter(word => searchTermsOf(word).length > 0)
      for (const word of words) expect(finds(word, text)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test('the terms of a text have the same terms again', () => {
  void fc.assert(
    fc.property(anyText, text => {
      const terms = searchTermsOf(text)
      expect(searchTermsOf(terms.join(' ')).toSorted()).toEqual(terms.toSorted())
    }),
    { numRuns: 2_000 },
  )
})

test('terms always make a valid query, and PostgreSQL can store them', () => {
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

test('characters that would end a lexeme are escaped', () => {
  expect(termsQuery(["o'reilly", 'a\\'])).toBe("'o''reilly' & 'a\\\\'")
})

test('a text has a bounded number of terms of bounded length', () => {
  const numbers = Array.from({ length: 9_000 }, (_, i) => `n${i}`).join(' ')
  expect(searchTermsOf(numbers)).toHaveLength(4_000)
  expect(searchTermsOf('ab'.repeat(25_000))).toEqual(['ab'.repeat(32)])
})

test('finding the terms takes time in proportion to the text', () => {
  const hard = ['a.', 'ing', '+', '.', 'ก', '漢字', 'アイウ', '\u0301\u0323', 'ﷺ', "'", 's ']
  for (const piece of hard) {
    const startedAt = performance.now()
    searchTermsOf(piece.repeat(20_000 / piece.length))
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  }
}, 60_000)
