/** Why a body was not read, with the status that says so. */
type BodyError = Error & { statusCode: number }

/** In a text that is JSON: brackets, and strings with the colon that makes them names. */
const tokens = /[{}[\]]|("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?/g
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads JSON that has one meaning. A name that occurs twice in an object is refused, because one
 * reader keeps the first value and another the last; so is `__proto__`, and what is not UTF-8.
 * @throws a 400
 */
export function parsePlainJson(bytes: Uint8Array): unknown {
  let text: string
  let value: unknown
  try {
    text = strictUtf8.decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw bodyError(400, cause instanceof Error ? cause.message : String(cause))
  }
  refuseNames(text)
  return value
}

/** The text is JSON, so that brackets and strings are all that has to be told apart. */
function refuseNames(text: string): void {
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

/** Reads a body of JSON for Fastify, which hands it over as bytes. @throws 400, or 415 for a charset */
export async function readPlainJson(request: WithHeaders, body: Buffer): Promise<unknown> {
  if (isUtf8(request.headers['content-type'] ?? '')) return parsePlainJson(body)
  throw bodyError(415, 'the charset must be UTF-8')
}

/** Bytes of another charset would be read as other values than were sent. */
export function isUtf8(contentType: string): boolean {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1]
  return charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)
}

function bodyError(statusCode: number, message: string): BodyError {
  return Object.assign(new Error(message), { statusCode })
}
