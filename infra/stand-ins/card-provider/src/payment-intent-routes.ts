import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { ApiError } from './api-error.ts'
import { apiError, invalidParam } from './api-error.ts'
import { intentAnswer, quotaExceeded, refusals, sendAnswer } from './charge-answers.ts'
import { readChargeRequest } from './charge-request.ts'
import { sendDripping } from './drip.ts'
import { holdSilently } from './hold-silently.ts'
import { limits } from './limits.ts'
import { showIntent } from './payment-intent.ts'
import type { Quota } from './quota.ts'
import type { RefusalCount } from './refusal-count.ts'
import type { TakeChargeDeps } from './take-charge.ts'
import { takeCharge } from './take-charge.ts'

export type PaymentIntentDeps = TakeChargeDeps &
  Readonly<{ secretKey: string; quota: Quota; refusalCount: RefusalCount; stop: AbortSignal }>

const idempotencyKeyMax = 255
const paymentIdParam = 'metadata[payment_id]'

/** The part of Stripe's API that is played here, behind its secret key. */
export const paymentIntentRoutes: FastifyPluginAsync<{ deps: PaymentIntentDeps }> = async (
  app,
  { deps },
) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, new URLSearchParams(body.toString())),
  )
  app.addHook('onRequest', async (request, reply) => {
    if (isAuthorized(request.headers.authorization, deps.secretKey)) return
    const message = 'Invalid API key: send it as `Authorization: Bearer <key>`.'
    return sendAnswer(reply, apiError(401, 'invalid_request_error', message))
  })

  /** Refuses beyond the quota before the body is read: such a request leaves nothing but a count. */
  async function holdToQuota(_request: FastifyRequest, reply: FastifyReply) {
    const { quotaPerSecond, quotaBurst } = deps.dials.read()
    const retryAfterSeconds = deps.quota.take(quotaPerSecond, quotaBurst)
    if (retryAfterSeconds === undefined) return
    deps.refusalCount.add()
    return sendAnswer(reply, quotaExceeded(retryAfterSeconds))
  }

  const charging = { onRequest: holdToQuota }
  app.post<{ Body: URLSearchParams | undefined }>(
    '/payment_intents',
    charging,
    async (request, reply) => {
      const key = readIdempotencyKey(request.headers['idempotency-key'])
      if (typeof key === 'object' && key !== null) return sendAnswer(reply, key)
      const read = readChargeRequest(request.body ?? new URLSearchParams())
      if (read.kind === 'refused') return sendAnswer(reply, read.error)

      const outcome = await takeCharge(deps, read.request, key, request.id)
      if (outcome.kind === 'silent') {
        request.log.info({ event: 'request.unanswered' }, 'holding the socket, answering nothing')
        return holdSilently(reply, limits.silenceMaxMs, deps.stop)
      }
      const answer =
        outcome.kind === 'decided'
          ? intentAnswer(outcome.intent, outcome.replayed)
          : refusals[outcome.kind]
      const dripMs = 'dripMs' in outcome ? outcome.dripMs : 0
      if (dripMs === 0) return sendAnswer(reply, answer)
      reply.code(answer.status).headers(answer.headers)
      return sendDripping(reply, answer.body, dripMs, deps.stop)
    },
  )

  app.get<{ Params: { id: string } }>('/payment_intents/:id', async (request, reply) => {
    await deps.wait(deps.dials.read().latencyMs)
    const intent = deps.book.find(request.params.id)
    if (intent !== undefined) return showIntent(intent)
    const message = `No such payment_intent: '${request.params.id.slice(0, 60)}'`
    const more = { code: 'resource_missing', param: 'intent' }
    return sendAnswer(reply, apiError(404, 'invalid_request_error', message, more))
  })

  app.get<{ Querystring: Record<string, unknown> }>('/payment_intents', async (request, reply) => {
    const { [paymentIdParam]: paymentId, limit = String(limits.intentListDefault) } = request.query
    if (typeof paymentId !== 'string') {
      const message = `This stand-in lists by payment only: send ${paymentIdParam}.`
      return sendAnswer(reply, invalidParam(paymentIdParam, 'parameter_missing', message))
    }
    const count = /^\d{1,3}$/.test(String(limit)) ? Number(limit) : 0
    if (count < 1 || count > limits.intentListMax) {
      const message = `limit must be from 1 to ${limits.intentListMax}`
      return sendAnswer(reply, invalidParam('limit', 'parameter_invalid_integer', message))
    }
    await deps.wait(deps.dials.read().latencyMs)
    const newestFirst = deps.book.ofPayment(paymentId).toReversed()
    const data = newestFirst.slice(0, count).map(showIntent)
    const has_more = newestFirst.length > count
    return { object: 'list', url: '/v1/payment_intents', data, has_more }
  })
}

function readIdempotencyKey(header: string | string[] | undefined): string | null | ApiError {
  if (header === undefined) return null
  if (typeof header === 'string' && header.length > 0 && header.length <= idempotencyKeyMax) {
    return header
  }
  const message = `Idempotency-Key must have 1 to ${idempotencyKeyMax} characters`
  return apiError(400, 'invalid_request_error', message)
}

/** Compares digests, because equal lengths are what a constant-time comparison needs. */
function isAuthorized(header: string | undefined, secretKey: string): boolean {
  return timingSafeEqual(sha256(header ?? ''), sha256(`Bearer ${secretKey}`))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
