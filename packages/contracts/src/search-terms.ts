import { uninflect } from './english-inflection.ts'

/**
 * What a text is found by. Search and alerts share it: PostgreSQL's own parser takes `C++` and `C#`
 * for `C`, `Frontend/Backend` for a path and `Node.js` for a host, drops `IT` as a stop word, and
 * folds case by the locale of the database.
 */

/**
 * A longer word is cut, in a text and in a query alike. PostgreSQL takes lexemes below 2 KiB and
 * 1 MiB for all of a row, and a code point takes 4 bytes at most: 64 x 4 x 4,000 is below.
 */
const termCodePointsMax = 64
/** The first ones count. A listing of the greatest length that anyone would write has about 900. */
const termsMax = 4_000
/** How often a segment is segmented again: see `segmentsOf`. */
const segmentDepthMax = 4

/** Scripts that are written without blanks between words. */
const blankless =
  '[[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}]&&[\\p{L}\\p{M}\\p{N}]]'
const word = `[[\\p{L}\\p{N}]--${blankless}][[\\p{L}\\p{M}\\p{N}]--${blankless}]*`
/**
 * A dot belongs to a name before a word (`.NET`) and between words (`Node.js`), and not at the end
 * of a sentence. `#` and `++` belong to the word before them (`C#`, `C++17`).
 */
const tokens = new RegExp(
  `(?<run>${blankless}+)|(?<dot>(?<![\\p{L}\\p{M}\\p{N}.])\\.)?(?<name>${word}(?:\\.${word})*)(?<sign>\\+\\+|#)?`,
  'gv',
)
/** The dictionaries for these scripts do not depend on the locale, and nor may anything else. */
const segmenter = new Intl.Segmenter('en', { granularity: 'word' })

/**
 * The distinct terms of a text, or of a query: a text matches a query if it has all of its terms.
 * Empty if there is no letter and no digit.
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

/** What a listing is found by, in the search and by alerts. */
export function termsOfListing(listing: Advertised): string[] {
  return searchTermsOf(`${listing.title}\n${listing.company}\n${listing.description}`)
}

type Advertised = { title: string; company: string; description: string }

/** The text of a `tsquery` that wants all of these terms. */
export function termsQuery(terms: readonly string[]): string {
  return terms.map(term => `'${term.replace(/['\\]/g, '$&$&')}'`).join(' & ')
}

/**
 * NFKC and not NFC, because `Ｃ＃` from a Japanese keyboard and `ﬁ` from a PDF are meant as `C#` and
 * `fi`. Symbols become blanks before, or `Java™` would be the word `javatm`. Case is folded as
 * Unicode does it in full (`ß` is `ss`, a final sigma is a sigma), and both Turkish letters i are i.
 * Accents are kept: `Arzt` and `Ärzt` are two words, and so are `Zurich` and `Zürich`.
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
 * `node.js` gives itself, its parts, and `.js`. `c#` gives itself only, because C is another
 * language; `notepad++` gives `notepad` too.
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
 * Words of a script without blanks, by ICU's dictionaries. A segment by itself may be divided
 * further than in its sentence, so it is segmented again: a query for it is to find the sentence.
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

/** The problem with a text that has no terms. A search and an alert by it would never find anything. */
export const nothingSearchable = {
  status: 422,
  slug: 'nothing-searchable',
  title: 'The text has no word that a listing could contain',
  errors: [{ pointer: '/text', message: 'must have at least one letter or digit' }],
}
