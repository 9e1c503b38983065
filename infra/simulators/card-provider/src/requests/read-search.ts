/** A search has metadata. `nothing` means two values of one name, which no intent has. */
export type Search = Readonly<Record<string, string>> | 'nothing'

/** Inside quotes, a backslash stands before a quote or before another backslash. */
const inSingle = String.raw`'((?:[^'\\]|\\.)*)'`
const inDouble = String.raw`"((?:[^"\\]|\\.)*)"`
const quoted = `(?:${inSingle}|${inDouble})`
const clause = new RegExp(String.raw`metadata\[${quoted}\]:${quoted}`, 'y')
/** White space alone means AND, and the word is accepted in any case. */
const conjunction = /\s+(?:AND\s+)?(?=metadata\[)/iy
const nameMax = 40
const valueMax = 500

/**
 * Reads the metadata of a search such as `metadata['a']:'b' AND metadata["c"]:"d"`. Answers
 * undefined for a query of another form.
 */
export function readSearch(query: string): Search | undefined {
  const text = query.trim()
  const wanted = new Map<string, string>()
  let isContradiction = false
  for (let at = 0; ; ) {
    clause.lastIndex = at
    const [whole = '', ...parts] = clause.exec(text) ?? []
    const [name, value] = [unescaped(parts[0] ?? parts[1]), unescaped(parts[2] ?? parts[3])]
    if (name === '' || name.length > nameMax || value === '' || value.length > valueMax) {
      return undefined
    }
    if ((wanted.get(name) ?? value) !== value) isContradiction = true
    wanted.set(name, value)
    at += whole.length
    if (at === text.length) break
    conjunction.lastIndex = at
    const between = conjunction.exec(text)
    if (between === null) return undefined
    at += between[0].length
  }
  return isContradiction ? 'nothing' : Object.fromEntries(wanted)
}

function unescaped(text = ''): string {
  return text.replace(/\\(.)/gs, '$1')
}
