/** What a search asks for. `nothing`: two values of one name, which no intent has. */
export type Search = Readonly<Record<string, string>> | 'nothing'

/** One character of a quoted text: any but the quote, or one that a backslash stands before. */
const inSingle = String.raw`'((?:[^'\\]|\\.)*)'`
const inDouble = String.raw`"((?:[^"\\]|\\.)*)"`
const quoted = `(?:${inSingle}|${inDouble})`
const clause = new RegExp(String.raw`metadata\[${quoted}\]:${quoted}`, 'y')
/** Blanks alone mean AND as well, and the word is known in any case. */
const joint = /\s+(?:AND\s+)?(?=metadata\[)/iy
const nameMax = 40
const valueMax = 500

/**
 * The metadata a search asks for, from `metadata['a']:'b' AND metadata["c"]:"d"`; undefined when it
 * is not of that form. In quotes, a backslash stands before a quote or another backslash.
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
    joint.lastIndex = at
    const between = joint.exec(text)
    if (between === null) return undefined
    at += between[0].length
  }
  return isContradiction ? 'nothing' : Object.fromEntries(wanted)
}

function unescaped(text = ''): string {
  return text.replace(/\\(.)/gs, '$1')
}
