const clause = /^metadata\[(['"])([^'"]{1,40})\1\]:(['"])([^'"]{1,500})\3$/

/**
 * The metadata a search asks for, from `metadata['a']:'b' AND metadata["c"]:"d"`; undefined when it
 * is not of that form.
 */
export function readSearch(query: string): Readonly<Record<string, string>> | undefined {
  const clauses = query.split(/\s+AND\s+/).map(each => clause.exec(each.trim()))
  const entries = clauses.map(match => [match?.[2], match?.[4]] as const)
  if (entries.some(([name]) => name === undefined)) return undefined
  return Object.fromEntries(entries)
}
