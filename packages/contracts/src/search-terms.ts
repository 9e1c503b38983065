import { uninflect } from './english-inflection.ts'

/**
 * Search terms, made in TypeScript and shared by search and alerts. PostgreSQL's own parser would
 * not do: it takes `C++` and `C#` for `C`, `Frontend/Backend` for a path and `Node.js` for a host,
 * drops `IT` as a stop word, and folds case by the locale of the database.
 */

/**
 * Longer words are cut, in texts and in queries alike. PostgreSQL accepts lexemes below 2 KiB, and
 * 1 MiB per row. A code point has at most 4 bytes, so 4,000 terms of 64 code points fit.
 */
const termCodePointsMax = 64
/** Only the first terms count. A very long listing has about 900. */
const termsMax = 4_000
/** How often a segment is divided again: see `segmentsOf`. */
const segmentDepthMax = 4

/** Scripts that are written without spaces between words. */
const blankless =
  '[[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}]&&[\\p{L}\\p{M}\\p{N}]]'
const word = `[[\\p{L}\\p{N}]--${blankless}][[\\p{L}\\p{M}\\p{N}]--${blankless}]*`
/**
 * A dot before a word (`.NET`) or between words (`Node.js`) is part of a name; a dot at the end of
 * a sentence is not. `#` and `++` belong to the word before them (`C#`, `C++17`).
 */
const tokens = new RegExp(
  `(?<run>${blankless}+)|(?<dot>(?<![\\p{L}\\p{M}\\p{N}.])\\.)?(?<name>${word}(?:\\.${word})*)(?<sign>\\+\\+|#)?`,
  'gv',
)
/** The locale is fixed. The dictionaries for these scripts do not depend on it. */
const segmenter = new Intl.Segmenter('en', { granularity: 'word' })

/**
 * The distinct terms of a text or of a query. A text matches a query if it has all its terms.
 * Without a letter or digit there are none.
 */
export function searchTermsOf(text: string): string[] {
  const terms = new Set<string>()
  for (const { groups } of normalised(text).matchAll(tokens)) {
    const { run, dot, name, sign } = groups ?? {}
    const found = run ? segmentsOf(run) : termsOfName(name ?? '', dot ?? '', sign ?? '')
    for (const term of found) {
      terms.add(term)
      if (terms.size === termsMax) return [...terms]
    }
  }
  return [...terms]
}

/** The terms by which the search and alerts find a listing. */
export function termsOfListing(listing: Advertised): string[] {
  return searchTermsOf(`${listing.title}\n${listing.company}\n${listing.description}`)
}

type Advertised = { title: string; company: string; description: string }

/** The text of a `tsquery` that requires all these terms. */
export function termsQuery(terms: readonly string[]): string {
  return terms.map(term => `'${term.replace(/['\\]/g, '$&$&')}'`).join(' & ')
}

/**
 * NFKC and not NFC, because `Ｃ＃` from a Japanese keyboard means `C#` and `ﬁ` from a PDF means `fi`.
 * Symbols become spaces first, or `Java™` would be the word `javatm`. Case is folded by Unicode's
 * full rules (`ß` is `ss`, a final sigma is a sigma), and both Turkish letters i are i. Accents are
 * kept: `Arzt` and `Ärzt` are two words, and so are `Zurich` and `Zürich`.
 */
function normalised(text: string): string {
  const visible = text
    .replace(/♯/g, '#')
    .replace(/[\p{So}\u200b]/gu, ' ')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
  return visible
    .normalize('NFKC')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replace(/ς/g, 'σ')
    .replace(/i\u0307/g, 'i')
    .normalize('NFKC')
}

/**
 * `node.js` has four terms: itself, `node`, `js` and `.js`. `c#` has only itself, because C is
 * another language. `notepad++` has also `notepad`.
 */
function* termsOfName(name: string, dot: string, sign: string): Generator<string> {
  const parts = name.split('.')
  const last = parts.length - 1
  const signOfLast = /^[\p{L}\p{M}]+$/u.test(parts[last] ?? '') ? sign : ''
  for (const [i, part] of parts.entries()) {
    const signOfPart = i === last ? signOfLast : ''
    const exact = `${cut(part)}${signOfPart}`
    if (signOfPart !== '') yield exact
    if (signOfPart === '' || /.{2}/u.test(part)) yield termOf(part)
    if (i > 0 || dot !== '') yield `.${exact}`
  }
  const whole = `${dot}${name}${signOfLast}`
  if (last > 0 && whole.length <= termCodePointsMax) yield whole
}

/**
 * Words of a script without spaces, by ICU's dictionaries. ICU may divide a segment further than it
 * divides the whole sentence, so each segment is divided again: a query for it must find the
 * sentence.
 */
function* segmentsOf(run: string, depth = 1): Generator<string> {
  for (const { segment } of segmenter.segment(run)) {
    yield cut(segment)
    if (segment !== run && depth < segmentDepthMax) yield* segmentsOf(segment, depth + 1)
  }
}

function termOf(part: string): string {
  const term = cut(part)
  return /^[a-z]+$/.test(term) ? uninflect(term) : term
}

function cut(term: string): string {
  return term.length <= termCodePointsMax ? term : [...term].slice(0, termCodePointsMax).join('')
}

/** The refusal of a text without terms. A search or an alert with it would never find anything. */
export const nothingSearchable = {
  status: 422,
  slug: 'nothing-searchable',
  title: 'The text has no word that a listing could contain',
  errors: [{ pointer: '/text', message: 'must have at least one letter or digit' }],
}
