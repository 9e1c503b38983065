import { createHash, timingSafeEqual } from 'node:crypto'
import type { onRequestAsyncHookHandler } from 'fastify'
import { apiError } from '../answers/api-error.ts'
import { sendAnswer } from '../answers/operation-answer.ts'

/** Admits requests with the secret key, and answers all others with a 401. */
export function requireKey(secretKey: string): onRequestAsyncHookHandler {
  return async (request, reply) => {
    if (isAuthorized(request.headers.authorization, secretKey)) return
    const message = 'Invalid API key: send it as `Authorization: Bearer <key>`.'
    return sendAnswer(reply, apiError(401, 'invalid_request_error', message))
  }
}

/**
 * Refuses requests with a key. Operators, who change settings and read the provider log, have none.
 * A request with a key comes from the product, which must not reach these routes.
 */
export const refuseKey: onRequestAsyncHookHandler = async (request, reply) => {
  if (request.headers.authorization === undefined) return
  const message = 'This is not a part of the API, and keys are not accepted here.'
  return sendAnswer(reply, apiError(403, 'invalid_request_error', message))
}

/** Compares digests, because a constant-time comparison needs values of equal length. */
function isAuthorized(header: string | undefined, secretKey: string): boolean {
  // The name of a scheme is case-insensitive (RFC 9110, 11.1), and the key is not.
  const sent = /^bearer +([^ ]+)$/i.exec(header ?? '')?.[1] ?? ''
  return timingSafeEqual(sha256(sent), sha256(secretKey))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
