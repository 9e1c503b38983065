import type { FastifyError } from 'fastify'
import { isPostgresAway, TooLate } from '../postgres/postgres.ts'
import { NoTurn } from '../process/turns.ts'
import { jitteredRetryAfterSeconds, type Refusal } from './problem.ts'
import type { JsonMistake } from './strict-json.ts'

/** A handler did not come to an answer, although its time is long over. */
export class LostHandler extends Error {}

export const notFound: Refusal = {
  status: 404,
  slug: 'not-found',
  title: 'There is no such thing',
}
export const methodNotAllowed: Refusal = {
  status: 405,
  slug: 'method-not-allowed',
  title: 'This path does not know that method',
}
export const unauthorized: Refusal = {
  status: 401,
  slug: 'unauthorized',
  title: 'A valid API key is needed',
  detail: 'Send it as `Authorization: Bearer ns_test_...`.',
}
export const malformedRequest: Refusal = {
  status: 400,
  slug: 'malformed-request',
  title: 'The request is malformed',
}
export const requestTimeout: Refusal = {
  status: 408,
  slug: 'request-timeout',
  title: 'The request took too long to arrive',
}
export const headersTooLarge: Refusal = {
  status: 431,
  slug: 'headers-too-large',
  title: 'The headers are too large',
}
export const expectationFailed: Refusal = {
  status: 417,
  slug: 'expectation-failed',
  title: 'Nothing but 100-continue can be expected of us',
}
const internalError: Refusal = {
  status: 500,
  slug: 'internal-error',
  title: 'This is a mistake of ours',
}
/** It does not say "nothing happened": a COMMIT may have worked although its answer was lost. */
const unavailable: Refusal = {
  status: 503,
  slug: 'unavailable',
  title: 'A part of the system is away',
  detail: 'It may have been done or not. Send the same request again, with the same key.',
}
/** Too many callers came at once with keys that are not known yet: see authenticate.ts. */
const overloaded: Refusal = {
  status: 503,
  slug: 'overloaded',
  title: 'Too many unknown API keys are being looked for',
  detail: 'Nothing was begun. Send the same request again after Retry-After.',
}
const unreadJson: Record<JsonMistake, Refusal> = {
  NIGHTSHIFT_JSON_MALFORMED: {
    status: 400,
    slug: 'malformed-json',
    title: 'The body is not JSON',
  },
  NIGHTSHIFT_JSON_NOT_UNICODE: {
    status: 400,
    slug: 'invalid-encoding',
    title: 'The body is not Unicode text in UTF-8',
  },
  NIGHTSHIFT_JSON_AMBIGUOUS: {
    status: 400,
    slug: 'ambiguous-json',
    title: 'Two readers may read the body differently',
    detail: 'A name is there twice in one object, or a number is not exact as a double.',
  },
}
const unsupportedMediaType: Refusal = {
  status: 415,
  slug: 'unsupported-media-type',
  title: 'Bodies are application/json in UTF-8, without a content coding',
}

const keyMissing: Refusal = {
  status: 400,
  slug: 'idempotency-key-missing',
  title: 'An Idempotency-Key is needed',
  detail: 'Send one per intent: 16 to 64 of A-Z a-z 0-9 _ . : - in the header Idempotency-Key.',
}
const keyInvalid: Refusal = {
  status: 400,
  slug: 'idempotency-key-invalid',
  title: 'The Idempotency-Key is not valid',
  detail: 'One key of 16 to 64 of A-Z a-z 0-9 _ . : - and no quotes around it.',
}

const knownRefusals: Record<string, Refusal | undefined> = {
  ...unreadJson,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: unsupportedMediaType,
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    slug: 'payload-too-large',
    title: 'The body is too large',
  },
  ERR_HTTP_REQUEST_TIMEOUT: requestTimeout,
  // A parameter that is longer than any id names nothing.
  FST_ERR_MAX_PARAM_LENGTH: notFound,
  '400': malformedRequest,
  '404': notFound,
  '415': unsupportedMediaType,
}

/**
 * Answers what the caller is told about a failure inside Fastify or a handler. It never echoes a value
 * that was sent.
 * @param isReceived whether all of the request has come; if not, no handler can have begun
 */
export function refusalOf(error: unknown, isReceived: boolean): Refusal {
  // A handler may throw anything, nothing included.
  if (!(error instanceof Error)) return internalError
  const { validation, validationContext, code, statusCode } = error as FastifyError
  if (validation) {
    // A malformed id cannot exist: 404, as for an unknown one.
    if (validationContext === 'params') return notFound
    const ofKey = validationContext === 'headers' && refusalOfKey(validation)
    if (ofKey) return ofKey
    return {
      status: 400,
      slug: 'validation-error',
      title: 'The request does not have the form that this route takes',
      errors: validation.slice(0, mistakesMax).map(mistake => ({
        pointer: `${mistake.instancePath}${missingOrUnknown(mistake.params)}`,
        message: mistake.message ?? 'is not valid',
      })),
    }
  }
  if (error instanceof NoTurn || error instanceof TooLate) {
    return { ...overloaded, retryAfterSeconds: jitteredRetryAfterSeconds() }
  }
  const known = knownRefusals[code] ?? knownRefusals[String(statusCode)]
  if (known) return known
  if (error instanceof LostHandler && !isReceived) return requestTimeout
  if (isPostgresAway(error) || error instanceof LostHandler) {
    return { ...unavailable, retryAfterSeconds: jitteredRetryAfterSeconds() }
  }
  return internalError
}

/** A missing or unusable key is the one mistake in headers that has names of its own. */
function refusalOfKey(validation: Validation): Refusal | undefined {
  if (validation.some(({ instancePath }) => instancePath === `/${keyHeader}`)) return keyInvalid
  if (validation.some(({ params }) => params['missingProperty'] === keyHeader)) return keyMissing
  return undefined
}

const keyHeader = 'idempotency-key'
type Validation = NonNullable<FastifyError['validation']>

/** A body of a thousand mistakes must not get an answer of a thousand lines. */
const mistakesMax = 20
/** An unknown field may be called anything; a longer name than this is not repeated. */
const nameLengthMax = 64

function missingOrUnknown(params: Record<string, unknown>): string {
  const name = params['missingProperty'] ?? params['additionalProperty']
  if (typeof name !== 'string' || name.length > nameLengthMax) return ''
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}
