import type { Token } from './scan.ts'

export type Import = Readonly<{
  specifier: string
  line: number
  /**
   * `type` is erased before the program runs. `import { type A }` is not: with verbatimModuleSyntax
   * it leaves `import {}` behind, which loads the module, so it counts as a value.
   */
  kind: 'value' | 'type' | 'dynamic' | 're-export' | 'type re-export'
}>

export type ModuleShape = Readonly<{
  imports: readonly Import[]
  /** `export * from`, with or without a name. */
  wildcards: readonly Import[]
  /** Nothing but imports and export lists: a file that only passes on what others made. */
  onlyPassesOn: boolean
}>

/** What a module asks of other modules, read from its tokens. */
export function shapeOf(tokens: readonly Token[]): ModuleShape {
  const imports: Import[] = []
  const wildcards: Import[] = []
  let exportLists = 0
  let ownTokens = 0
  let at = 0
  while (at < tokens.length) {
    const statement = readImport(tokens, at) ?? readExport(tokens, at)
    if (statement === undefined) {
      ownTokens++
      at++
      continue
    }
    if (statement.exportsList) exportLists++
    if (statement.import !== undefined) {
      imports.push(statement.import)
      if (statement.wildcard) wildcards.push(statement.import)
      if (statement.import.kind === 'dynamic') ownTokens++
    }
    at = statement.end
  }
  return { imports, wildcards, onlyPassesOn: exportLists > 0 && ownTokens === 0 }
}

type Statement = {
  /** Index behind its last token. */
  end: number
  import?: Import
  exportsList?: boolean
  wildcard?: boolean
}

function readImport(tokens: readonly Token[], start: number): Statement | undefined {
  const line = tokens[start]?.line ?? 0
  if (!isWord(tokens, start, 'import') || isMember(tokens, start)) return undefined
  if (isMark(tokens, start + 1, '.') || isMark(tokens, start + 1, ':')) return undefined
  if (isMark(tokens, start + 1, '(')) {
    const specifier = literalAt(tokens, start + 2)
    if (specifier === undefined) return undefined
    return { end: start + 3, import: { specifier, line, kind: 'dynamic' } }
  }
  const bare = literalAt(tokens, start + 1)
  if (bare !== undefined)
    return { end: start + 2, import: { specifier: bare, line, kind: 'value' } }
  // `import type from 'x'` imports a value that happens to be called type.
  const erased = isWord(tokens, start + 1, 'type') && !isWord(tokens, start + 2, 'from')
  const end = findFrom(tokens, start + 1)
  if (end === undefined) return undefined
  const specifier = literalAt(tokens, end - 1) ?? ''
  return { end, import: { specifier, line, kind: erased ? 'type' : 'value' } }
}

function readExport(tokens: readonly Token[], start: number): Statement | undefined {
  if (!isWord(tokens, start, 'export') || isMember(tokens, start)) return undefined
  const line = tokens[start]?.line ?? 0
  const erased = isWord(tokens, start + 1, 'type')
  const first = erased ? start + 2 : start + 1
  const kind = erased ? 'type re-export' : 're-export'
  if (isMark(tokens, first, '*')) {
    const end = findFrom(tokens, first)
    if (end === undefined) return undefined
    const specifier = literalAt(tokens, end - 1) ?? ''
    return { end, import: { specifier, line, kind }, exportsList: true, wildcard: true }
  }
  if (!isMark(tokens, first, '{')) return undefined
  const close = tokens.findIndex((token, index) => index > first && isMarkToken(token, '}'))
  if (close < 0) return undefined
  const specifier = isWord(tokens, close + 1, 'from') ? literalAt(tokens, close + 2) : undefined
  if (specifier === undefined) return { end: close + 1, exportsList: true }
  return { end: close + 3, import: { specifier, line, kind }, exportsList: true }
}

/** Behind the specifier of the first `from '...'`. */
function findFrom(tokens: readonly Token[], start: number): number | undefined {
  for (let at = start; at < tokens.length; at++) {
    if (isWord(tokens, at, 'from') && tokens[at + 1]?.kind === 'string') return at + 2
    if (tokens[at]?.kind === 'string') return undefined
  }
  return undefined
}

function literalAt(tokens: readonly Token[], at: number): string | undefined {
  const token = tokens[at]
  return token?.kind === 'string' || token?.kind === 'template' ? token.text : undefined
}

function isWord(tokens: readonly Token[], at: number, text: string): boolean {
  return tokens[at]?.kind === 'word' && tokens[at].text === text
}

function isMark(tokens: readonly Token[], at: number, text: string): boolean {
  return isMarkToken(tokens[at], text)
}

function isMarkToken(token: Token | undefined, text: string): boolean {
  return token?.kind === 'punctuation' && token.text === text
}

function isMember(tokens: readonly Token[], at: number): boolean {
  return isMark(tokens, at - 1, '.')
}
