import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { isUtf8 } from '../../../strict-json.ts'
import type { ApiError } from '../answers/api-error.ts'
import { apiError } from '../answers/api-error.ts'
import type { Expand } from '../answers/expand.ts'
import { deedAnswer, quotaExceeded, refusals, sendAnswer } from '../answers/operation-answer.ts'
import { limits } from '../limits.ts'
import type { RefusalCount } from '../log/refusal-count.ts'
import type { Outcome, PerformOrderDeps } from '../operations/perform-operation.ts'
import { performOrder } from '../operations/perform-operation.ts'
import { readOrder } from '../requests/read-operation.ts'
import type { Quota } from '../settings/quota.ts'
import { holdSilently, sendDripping } from './faulty-answers.ts'

export type OrderDeps = PerformOrderDeps &
  Readonly<{ quota: Quota; refusalCount: RefusalCount; stop: AbortSignal }>

type OrderRoute = { Params: { id?: string }; Body: URLSearchParams | undefined }

const idempotencyKeyMax = 255

/** Everything that can be asked for: each POST goes the same way and meets the same faults. */
export const orderRoutes: FastifyPluginAsync<{ deps: OrderDeps }> = async (app, { deps }) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (request, body, done) => {
      if (isUtf8(request.headers['content-type'] ?? '')) {
        done(null, new URLSearchParams(body.toString()))
      } else done(Object.assign(new Error('The charset must be UTF-8.'), { statusCode: 415 }))
    },
  )

  /** Refuses beyond the quota before the body is read: such a request leaves nothing but a count. */
  app.addHook('onRequest', async (_request, reply) => {
    const { quotaPerSecond, quotaBurst } = deps.settings.read()
    const retryAfterSeconds = deps.quota.take(quotaPerSecond, quotaBurst)
    if (retryAfterSeconds === undefined) return
    deps.refusalCount.add()
    return sendAnswer(reply, quotaExceeded(retryAfterSeconds))
  })

  for (const [path, read] of Object.entries(readOrder)) {
    app.post<OrderRoute>(path, async (request, reply) => {
      const key = readIdempotencyKey(request.headers['idempotency-key'])
      if (typeof key === 'object' && key !== null) return sendAnswer(reply, key)
      if (key !== null) reply.header('idempotency-key', key)
      const form = request.body ?? new URLSearchParams()
      const asked = read({ form, intentId: request.params.id, find: deps.book.find })
      if (asked.kind === 'refused') return sendAnswer(reply, asked.error)
      const outcome = await performOrder(deps, asked.value, key, request.id)
      return await answer(request, reply, outcome, asked.value.expand, deps.stop)
    })
  }
}

/** Answers in the way the outcome says: as it is, byte by byte, or not at all. */
async function answer(
  request: FastifyRequest<OrderRoute>,
  reply: FastifyReply,
  outcome: Outcome,
  expand: Expand,
  stop: AbortSignal,
): Promise<unknown> {
  if (outcome.kind === 'silent') {
    request.log.info({ event: 'request.unanswered' }, 'holding the socket, answering nothing')
    return await holdSilently(reply, limits.silenceMaxMs, stop)
  }
  if (outcome.kind === 'refused') return sendAnswer(reply, outcome.error)
  const answered =
    outcome.kind === 'done'
      ? deedAnswer(outcome.deed, outcome.replayed, expand)
      : refusals[outcome.kind]
  const dripMs = 'dripMs' in outcome ? outcome.dripMs : 0
  if (dripMs === 0) return sendAnswer(reply, answered)
  reply.code(answered.status).headers(answered.headers)
  return sendDripping(reply, answered.body, dripMs, stop)
}

function readIdempotencyKey(header: string | string[] | undefined): string | null | ApiError {
  if (header === undefined) return null
  if (typeof header === 'string' && header.length > 0 && header.length <= idempotencyKeyMax) {
    return header
  }
  const message = `Idempotency-Key must have 1 to ${idempotencyKeyMax} characters`
  return apiError(400, 'invalid_request_error', message)
}
