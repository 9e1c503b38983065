import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseStrictJson } from './strict-json.ts'

/**
 * Sees to it that a handler gets what was sent, unchanged and of the form it asked for, or nothing.
 */
export function takeOnlyStrictInput(app: FastifyInstance): void {
  app.setValidatorCompiler(compileStrictly())
  // Without a schema nobody would look at a query, and `?amountCents=1` would seem to be taken.
  app.addHook('onRoute', route => {
    route.schema = { querystring: nothing, ...route.schema }
  })
  takeOnlyDecodableQueries(app)
  takeNoUnknownBody(app)
  // Fastify parses text/plain too, past any schema: a way around the validation.
  app.removeContentTypeParser('text/plain')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => {
      // Compressed, or in another encoding: Fastify would take it for what it is not said to be.
      if (!isPlain(request)) throw unreadable('the body has a content coding', 415)
      if (!isSaidUtf8(request)) throw unreadable('the body is said not to be UTF-8', 415)
      return parseStrictJson(bytes)
    },
  )
}

/**
 * Fastify takes an escape in a query string that is none, or that is not UTF-8, for the characters
 * themselves; a proxy before us may take it for something else.
 */
function takeOnlyDecodableQueries(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ url }) => {
    const query = url.indexOf('?')
    if (query < 0 || !url.includes('%', query)) return
    try {
      decodeURIComponent(url.slice(query))
    } catch (cause) {
      throw Object.assign(new Error('the query is not UTF-8', { cause }), { statusCode: 400 })
    }
  })
}

/** Nobody would look at a body, either: a capture with `{ "amountCents": 1 }` would seem to take one cent. */
function takeNoUnknownBody(app: FastifyInstance): void {
  const isEmpty = new Ajv().compile(nothing)
  app.addHook('preValidation', async ({ body, routeOptions }) => {
    if (body === undefined || routeOptions.schema?.body !== undefined || isEmpty(body)) return
    const refused = new Error('the route takes no body')
    throw Object.assign(refused, { validation: isEmpty.errors, validationContext: 'body' })
  })
}

const nothing = { type: 'object', properties: {}, additionalProperties: false } as const

function isPlain({ headers }: FastifyRequest): boolean {
  return /^(identity)?$/i.test(headers['content-encoding'] ?? '')
}

/** A parameter of a media type: its name, and its value between quotes or without them. */
const parameter = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g

/** RFC 8259 knows no `charset`. Where there is one, each has to say UTF-8, by either of its names. */
function isSaidUtf8({ headers }: FastifyRequest): boolean {
  const parameters = [...(headers['content-type'] ?? '').matchAll(parameter)]
  const charsets = parameters.filter(([, name]) => name?.toLowerCase() === 'charset')
  return charsets.every(([, , quoted, bare]) => /^utf-?8$/i.test(quoted ?? bare ?? ''))
}

function unreadable(message: string, statusCode: number): Error {
  return Object.assign(new Error(message), { statusCode })
}

/**
 * Two validators. A body is JSON and says what type a thing is, so nothing in it is converted or
 * removed. A query string has only text, so an integer may be written there, in the one way in which
 * JSON writes it; nothing else is converted either.
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

/** `Number` would take `0x10`, `1e1`, ` 5`, `5.0` and an empty text for numbers, too. */
function integerFrom(text: unknown): unknown {
  return typeof text === 'string' && /^-?(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text
}
