import { isUtf8 } from 'node:buffer'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { notUtf8 } from './http-refusals.ts'

/** Sees to it that a handler gets what was sent, unchanged and of the form it asked for, or nothing. */
export function takeOnlyStrictInput(app: FastifyInstance): void {
  app.setValidatorCompiler(compileStrictly())
  // Fastify parses text/plain too, past any schema: a way around the validation.
  app.removeContentTypeParser('text/plain')
  // Fastify would put U+FFFD for what is not UTF-8: another value than the one that was sent.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request: FastifyRequest, body: Buffer, done) => {
      if (isUtf8(body)) return parseJson(request, body.toString('utf8'), done)
      done(Object.assign(new Error('the body is not UTF-8'), { code: notUtf8 }))
    },
  )
}

/**
 * Two validators. A body is JSON and says what type a thing is, so nothing in it is converted or
 * removed. A query string has only text, so "12" may be a number there; it is still not trimmed.
 */
function compileStrictly() {
  const shared = { removeAdditional: false, useDefaults: true, allErrors: false } as const
  const body = new Ajv({ ...shared, coerceTypes: false, keywords: ['kind'] })
  const text = new Ajv({ ...shared, coerceTypes: true, keywords: ['kind'] })
  for (const ajv of [body, text]) addFormats.default(ajv)
  return ({ schema, httpPart }: { schema: object; httpPart?: string }) =>
    (httpPart === 'body' ? body : text).compile(schema)
}
