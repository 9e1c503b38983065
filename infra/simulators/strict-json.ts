/** Says why a body is refused, and with which HTTP status. */
type BodyError = Error & { statusCode: number }

/** Matches in valid JSON the brackets, and the strings with the colon that makes them names. */
const tokens = /[{}[\]]|("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/g
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads JSON that has one meaning. Throws a 400 for a name that occurs twice in an object, because
 * one reader keeps the first value and another the last. `__proto__` and bytes that are not UTF-8 are
 * refused as well.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string
  let value: unknown
  try {
    text = strictUtf8.decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw bodyError(400, cause instanceof Error ? cause.message : String(cause))
  }
  refuseAmbiguousNames(text)
  return value
}

/** Expects valid JSON, so only brackets and strings need to be recognized. */
function refuseAmbiguousNames(text: string): void {
  const open: Set<string>[] = []
  for (const [token, string, colon] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const name: string = JSON.parse(string)
      const names = open.at(-1)
      if (name === '__proto__') throw bodyError(400, 'the name __proto__ is not taken')
      if (names?.has(name)) throw bodyError(400, `${JSON.stringify(name)} is there twice`)
      names?.add(name)
    }
  }
}

type WithHeaders = { headers: { 'content-type'?: string | undefined } }

/** Parses JSON bodies for Fastify. Throws a 400, or a 415 for a charset other than UTF-8. */
export async function readStrictJson(request: WithHeaders, body: Buffer): Promise<unknown> {
  if (isUtf8(request.headers['content-type'] ?? '')) return parseStrictJson(body)
  throw bodyError(415, 'the charset must be UTF-8')
}

/** Tells whether a body may be read as UTF-8. In another charset it would mean other values. */
export function isUtf8(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1]
  return charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)
}

function bodyError(statusCode: number, message: string): BodyError {
  return Object.assign(new Error(message), { statusCode })
}
