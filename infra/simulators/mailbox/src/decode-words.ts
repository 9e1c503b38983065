import { decodeBase64, decodeCharset, decodeQuotedPrintable } from './decode-text.ts'

const encodedWord = /=\?([\w-]{1,40})(?:\*[\w-]{1,20})?\?([bq])\?([^?\s]{0,2048})\?=/gi

type Word = Readonly<{ charset: string; bytes: Buffer; start: number; end: number }>

/**
 * Decodes the encoded words of a header value (RFC 2047). Words side by side are decoded as one,
 * because senders cut long headers in the middle of a character.
 */
export function decodeWords(value: string): string {
  let decoded = ''
  let done = 0
  for (const run of runsOf(findWords(value), value)) {
    const [first] = run
    const last = run.at(-1)
    if (first === undefined || last === undefined) continue
    const bytes = Buffer.concat(run.map(word => word.bytes))
    decoded += value.slice(done, first.start) + decodeCharset(bytes, first.charset)
    done = last.end
  }
  return decoded + value.slice(done)
}

function findWords(value: string): Word[] {
  return [...value.matchAll(encodedWord)].map(match => {
    const [whole, charset = '', encoding = '', text = ''] = match
    const quoted = encoding.toLowerCase() === 'q'
    const bytes = quoted ? decodeQuotedPrintable(text.replaceAll('_', ' ')) : decodeBase64(text)
    return { charset, bytes, start: match.index, end: match.index + whole.length }
  })
}

/**
 * Groups neighbouring words of one charset. White space between two encoded words never counts:
 * where the charset changes, the next group starts at the end of the last one and swallows it.
 */
function runsOf(words: readonly Word[], value: string): Word[][] {
  const runs: Word[][] = []
  for (const word of words) {
    const run = runs.at(-1)
    const previous = run?.at(-1)
    const beside = previous !== undefined && value.slice(previous.end, word.start).trim() === ''
    if (run !== undefined && beside && previous.charset === word.charset) run.push(word)
    else runs.push([beside ? { ...word, start: previous.end } : word])
  }
  return runs
}
