import { limits } from '../limits.ts'
import { apiError, badBody } from './api-error.ts'

/** The value as an object. Throws a 400 for anything else. */
export function parseObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  throw badBody('an object was expected')
}

/** The name of a proxy or a toxic: it must fit into a URL and into a line of the log. */
export function parseName(value: unknown): string {
  const name = parseText('name', value)
  // All of the class `C`: controls, what turns text around, what is not seen, halves of pairs.
  if (/\p{C}/u.test(name)) throw badBody('name must have characters that can be seen')
  if (name.length <= limits.nameCharsMax) return name
  throw badBody(`name must have at most ${limits.nameCharsMax} characters`)
}

/** A text that is there and not empty. `where` says which one it was when it is missing. */
export function parseText(field: string, value: unknown, where = ''): string {
  if (value === undefined || value === null || value === '') {
    throw apiError(400, `missing required field: ${field}${where}`)
  }
  if (typeof value === 'string') return value
  throw badBody(`${field}${where} must be a string`)
}
