export type Token = Readonly<{
  kind: 'word' | 'number' | 'string' | 'template' | 'regex' | 'punctuation'
  /** Without quotes for strings; only the first piece for a template with holes. */
  text: string
  /** From 1. */
  line: number
}>

/**
 * Splits TypeScript into tokens, without comments. It exists because TypeScript 7 ships no parser
 * for programs to call, and because a search by regular expression believes what comments and
 * strings say. It knows just enough grammar to tell a division from a regular expression.
 */
export function scan(text: string): Token[] {
  const tokens: Token[] = []
  /** One entry per template we are inside of: how many `{` are open within its current hole. */
  const holes: number[] = []
  let at = 0
  let line = 1

  const take = (kind: Token['kind'], end: number, value: string): void => {
    tokens.push({ kind, text: value, line })
    skipTo(end)
  }
  const skipTo = (end: number): void => {
    for (; at < end; at++) if (text[at] === '\n') line++
  }
  const takeTemplate = (): void => {
    const end = endOfTemplatePiece(text, at + 1)
    const opensHole = text[end - 1] === '{'
    take('template', end, text.slice(at + 1, opensHole ? end - 2 : end - 1))
    if (opensHole) holes.push(0)
  }
  const takePunctuation = (character: string): void => {
    const hole = holes.length - 1
    if (character === '{' && hole >= 0) holes[hole] = (holes[hole] ?? 0) + 1
    if (character === '}' && hole >= 0) {
      if (holes[hole] === 0) {
        holes.pop()
        takeTemplate()
        return
      }
      holes[hole] = (holes[hole] ?? 0) - 1
    }
    take('punctuation', at + 1, character)
  }

  while (at < text.length) {
    const character = text[at] ?? ''
    const word = match(wordPattern, text, at)
    const number = match(numberPattern, text, at)
    if (/\s/.test(character)) skipTo(at + 1)
    else if (text.startsWith('//', at) || (at === 0 && text.startsWith('#!')))
      skipTo(endOf(text, '\n', at))
    else if (text.startsWith('/*', at)) skipTo(endOf(text, '*/', at + 2))
    else if (word !== undefined) take('word', at + word.length, word)
    else if (number !== undefined) take('number', at + number.length, number)
    else if (character === '"' || character === "'") {
      const end = endOfString(text, at)
      take('string', end, text.slice(at + 1, end - 1))
    } else if (character === '`') takeTemplate()
    else if (character === '/' && regexMayFollow(tokens.at(-1))) {
      const end = endOfRegex(text, at)
      take('regex', end, text.slice(at, end))
    } else takePunctuation(character)
  }
  return tokens
}

const wordPattern = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy
const numberPattern = /\d[\w.]*/y

function match(sticky: RegExp, text: string, at: number): string | undefined {
  sticky.lastIndex = at
  return sticky.exec(text)?.[0]
}

function endOf(text: string, mark: string, from: number): number {
  const found = text.indexOf(mark, from)
  return found < 0 ? text.length : found + mark.length
}

function endOfString(text: string, start: number): number {
  const quote = text[start]
  let at = start + 1
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1
  return at + 1
}

/** From inside a template to just behind its closing backtick or the `${` of its next hole. */
function endOfTemplatePiece(text: string, start: number): number {
  let at = start
  while (at < text.length) {
    if (text[at] === '`') return at + 1
    if (text.startsWith('${', at)) return at + 2
    at += text[at] === '\\' ? 2 : 1
  }
  return at
}

function endOfRegex(text: string, start: number): number {
  let at = start + 1
  let inClass = false
  while (at < text.length && (inClass || text[at] !== '/')) {
    if (text[at] === '[') inClass = true
    if (text[at] === ']') inClass = false
    at += text[at] === '\\' ? 2 : 1
  }
  return at + 1 + (match(/\w*/y, text, at + 1) ?? '').length
}

const wordsBeforeValues = new Set(
  ['return', 'typeof', 'case', 'in', 'of', 'do', 'else', 'void', 'await', 'yield', 'throw'].concat([
    'delete',
    'instanceof',
    'new',
    'default',
  ]),
)

/** Behind a value a slash divides; anywhere else it opens a regular expression. */
function regexMayFollow(previous: Token | undefined): boolean {
  if (previous === undefined) return true
  if (previous.kind === 'word') return wordsBeforeValues.has(previous.text)
  return previous.kind === 'punctuation' && ![')', ']', '}'].includes(previous.text)
}
