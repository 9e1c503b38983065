import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseStrictJson } from './strict-json.ts'

/** Gives a handler the input as it was sent, in the form that the route declares, or refuses it. */
export function takeOnlyStrictInput(app: FastifyInstance): void {
  app.setValidatorCompiler(compileStrictly())
  // A query without a schema would be ignored, and `?limit=1` would seem to be accepted.
  app.addHook('onRoute', route => {
    route.schema = { querystring: nothing, ...route.schema }
  })
  takeOnlyDecodableQueries(app)
  takeNoUnknownBody(app)
  // Fastify also parses text/plain, past any schema.
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => {
      // Fastify would parse a compressed body, or one in another encoding, as if it were plain UTF-8.
      if (!isPlain(request)) throw unreadable('the body has a content coding', 415)
      if (!isSaidUtf8(request)) throw unreadable('the body is said not to be UTF-8', 415)
      return parseStrictJson(bytes)
    },
  )
}

/**
 * Refuses escapes in a query string that are malformed or not UTF-8. Fastify takes them for the
 * characters themselves; a proxy before us may read something else.
 */
function takeOnlyDecodableQueries(app: FastifyInstance): void {
  app.addHook('onRequest', ({ url }, _reply, done) => {
    const query = url.indexOf('?')
    if (query < 0 || !url.includes('%', query)) return done()
    try {
      decodeURIComponent(url.slice(query))
    } catch (cause) {
      const refused = new Error('the query is not UTF-8', { cause })
      return done(Object.assign(refused, { statusCode: 400 }))
    }
    done()
  })
}

/** A body that the route does not declare would be ignored, and would seem to be accepted. */
function takeNoUnknownBody(app: FastifyInstance): void {
  const isEmpty = new Ajv().compile(nothing)
  app.addHook('preValidation', ({ body, routeOptions }, _reply, done) => {
    const isDeclared = routeOptions.schema?.body !== undefined
    if (body === undefined || isDeclared || isEmpty(body)) return done()
    const refused = new Error('the route takes no body')
    done(Object.assign(refused, { validation: isEmpty.errors, validationContext: 'body' }))
  })
}

const nothing = { type: 'object', properties: {}, additionalProperties: false } as const

function isPlain({ headers }: FastifyRequest): boolean {
  return /^(identity)?$/i.test(headers['content-encoding'] ?? '')
}

/** A parameter of a media type: its name, and its value between quotes or without them. */
const parameter = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g

/** RFC 8259 knows no `charset`. If there is one, each has to be UTF-8, by either of its names. */
function isSaidUtf8({ headers }: FastifyRequest): boolean {
  const parameters = [...(headers['content-type'] ?? '').matchAll(parameter)]
  const charsets = parameters.filter(([, name]) => name?.toLowerCase() === 'charset')
  return charsets.every(([, , quoted, bare]) => /^utf-?8$/i.test(quoted ?? bare ?? ''))
}

function unreadable(message: string, statusCode: number): Error {
  return Object.assign(new Error(message), { statusCode })
}

/**
 * Compiles two validators. A JSON body has types, so nothing in it is converted or removed. A query
 * string has only text, so an integer may be written there, in the one form that JSON has for it;
 * nothing else is converted either.
 */
function compileStrictly() {
  const shared = { removeAdditional: false, useDefaults: true, coerceTypes: false } as const
  const ajv = new Ajv({ ...shared, allErrors: false, keywords: ['kind'] })
  addFormats.default(ajv)
  return ({ schema, httpPart }: { schema: object; httpPart?: string }) => {
    const validate = ajv.compile(schema)
    if (httpPart !== 'querystring') return validate
    const integers = integersOf(schema)
    const check = (query: Record<string, unknown>) => {
      for (const name of integers) query[name] = integerFrom(query[name])
      const isValid = validate(query)
      check.errors = validate.errors ?? null
      return isValid
    }
    check.errors = null as ErrorObject[] | null
    return check
  }
}

function integersOf(schema: { properties?: Record<string, { type?: string }> }): string[] {
  const properties = Object.entries(schema.properties ?? {})
  return properties.filter(([, { type }]) => type === 'integer').map(([name]) => name)
}

/** `Number` would also accept `0x10`, `1e1`, ` 5`, `5.0` and an empty text. */
function integerFrom(text: unknown): unknown {
  return typeof text === 'string' && /^-?(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text
}
