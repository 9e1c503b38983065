import type { FastifyReply } from 'fastify'
import { limits } from '../limits.ts'
import type { CompletedOperation } from '../operations/payment-intent.ts'
import type { ApiError } from './api-error.ts'
import { apiError } from './api-error.ts'
import type { Expand } from './expand.ts'
import { showDecline, showIntent } from './show-intent.ts'
import { showRefund } from './show-refund.ts'

type Answer = Readonly<{ status: number; headers: Readonly<Record<string, string>>; body: object }>

/** These answers are for requests that changed nothing, or that meet the fault of a 500. */
export const refusals = {
  other_request: apiError(
    400,
    'idempotency_error',
    'Keys for idempotent requests can only be used with the same parameters they were first used with.',
  ),
  in_use: apiError(
    409,
    'idempotency_error',
    'Another request with this idempotency key is still running.',
    { code: 'idempotency_key_in_use' },
    { 'stripe-should-retry': 'true' },
  ),
  full: tooManyRequests(
    'The card provider has as many requests under way or kept as it can hold.',
    limits.retryAfterSeconds,
  ),
  error: apiError(500, 'api_error', 'An error occurred with our API.'),
} as const

/** Builds the 429 of the quota. The request has no effect, now or later. */
export function quotaExceeded(retryAfterSeconds: number): ApiError {
  return tooManyRequests('Request rate limit exceeded.', retryAfterSeconds)
}

function tooManyRequests(message: string, retryAfterSeconds: number): ApiError {
  const headers = { 'retry-after': String(retryAfterSeconds), 'stripe-should-retry': 'true' }
  return apiError(429, 'invalid_request_error', message, { code: 'rate_limit' }, headers)
}

/** Answers an operation that was carried out. A replayed answer is marked in its headers. */
export function operationAnswer(
  { line, intent }: CompletedOperation,
  replayed: boolean,
  expand: Expand,
): Answer {
  const headers = replayed
    ? { 'idempotent-replayed': 'true', 'original-request': line.requestId }
    : {}
  if (line.type === 'intent.declined') {
    const { type, message, ...codes } = showDecline(line.declineCode)
    const more = { ...codes, payment_intent: showIntent(intent) }
    return { ...apiError(402, type, message, more), headers }
  }
  const body =
    line.type === 'refund.succeeded' ? showRefund(line, intent, expand) : showIntent(intent, expand)
  return { status: 200, headers, body }
}

export function sendAnswer(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}
