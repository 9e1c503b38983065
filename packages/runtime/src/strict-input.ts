import { isUtf8 } from 'node:buffer'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { notUnicode } from './http-refusals.ts'

/**
 * Sees to it that a handler gets what was sent, unchanged and of the form it asked for, or nothing.
 * A byte order mark before a body is dropped, as RFC 8259 allows: it is no part of the JSON.
 */
export function takeOnlyStrictInput(app: FastifyInstance): void {
  app.setValidatorCompiler(compileStrictly())
  // Without a schema nobody would look at a query, and `?amountCents=1` would seem to be taken.
  app.addHook('onRoute', route => {
    route.schema = { querystring: nothing, ...route.schema }
  })
  takeNoUnknownBody(app)
  // Fastify parses text/plain too, past any schema: a way around the validation.
  app.removeContentTypeParser('text/plain')
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, bytes: Buffer, done) => {
      // Compressed or not: Fastify would take it for what it is not said to be.
      if (!isPlain(request)) return done(codedError())
      // Fastify would put U+FFFD for what is not UTF-8: another value than the one that was sent.
      if (!isUtf8(bytes)) return done(notUnicodeError())
      const text = bytes.toString('utf8')
      // And PostgreSQL would be sent U+FFFD for half of a surrogate pair.
      return parseJson(request, text, (error, body) => {
        if (!error && halfPair.test(text) && !isUnicode(body)) return done(notUnicodeError())
        done(error, body)
      })
    },
  )
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

function codedError(): Error {
  return Object.assign(new Error('the body has a content coding'), { statusCode: 415 })
}

/** Text that is UTF-8 can hold half of a pair only as an escape, so most bodies need no search. */
const halfPair = /\\u[dD][89a-fA-F]/

/** Searches names as well as values. Not by recursion: a body may be nested as deep as it is long. */
function isUnicode(body: unknown): boolean {
  const open = [body]
  while (open.length > 0) {
    const one = open.pop()
    if (typeof one === 'string' && !one.isWellFormed()) return false
    if (typeof one !== 'object' || one === null) continue
    for (const [name, value] of Object.entries(one)) open.push(name, value)
  }
  return true
}

function notUnicodeError(): Error {
  return Object.assign(new Error('the body is not Unicode'), { code: notUnicode })
}

/**
 * Two validators. A body is JSON and says what type a thing is, so nothing in it is converted or
 * removed. A query string has only text, so "12" may be a number there; it is still not trimmed.
 */
function compileStrictly() {
  const shared = { removeAdditional: false, useDefaults: true, allErrors: false } as const
  const body = new Ajv({ ...shared, coerceTypes: false, keywords: ['kind'] })
  // strictNumbers would have it look at no bound of "1e400", which it makes Infinity of.
  const text = new Ajv({ ...shared, coerceTypes: true, strictNumbers: false, keywords: ['kind'] })
  for (const ajv of [body, text]) addFormats.default(ajv)
  return ({ schema, httpPart }: { schema: object; httpPart?: string }) =>
    (httpPart === 'body' ? body : text).compile(schema)
}
