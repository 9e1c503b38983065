import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { isUtf8 } from '../../../strict-json.ts'
import type { ApiError } from '../answers/api-error.ts'
import { apiError } from '../answers/api-error.ts'
import type { Expand } from '../answers/expand.ts'
import {
  operationAnswer,
  quotaExceeded,
  refusals,
  sendAnswer,
} from '../answers/operation-answer.ts'
import { limits } from '../limits.ts'
import type { RefusalCount } from '../log/refusal-count.ts'
import type { Outcome, PerformOperationDeps } from '../operations/perform-operation.ts'
import { performOperation } from '../operations/perform-operation.ts'
import { readOperation } from '../requests/read-operation.ts'
import type { Quota } from '../settings/quota.ts'
import { keepWaiting, sendDripping } from './faulty-answers.ts'

export type OperationDeps = PerformOperationDeps &
  Readonly<{ quota: Quota; refusalCount: RefusalCount; stop: AbortSignal }>

type OperationRoute = { Params: { id?: string }; Body: URLSearchParams | undefined }

const idempotencyKeyMax = 255

/** Serves every POST below /v1. All of them meet the same faults. */
export const operationRoutes: FastifyPluginAsync<{ deps: OperationDeps }> = async (
  app,
  { deps },
) => {
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

  /** The quota refuses before the body is read, so a refused request leaves only a count. */
  app.addHook('onRequest', async (_request, reply) => {
    const { quotaPerSecond, quotaBurst } = deps.settings.read()
    const retryAfterSeconds = deps.quota.take(quotaPerSecond, quotaBurst)
    if (retryAfterSeconds === undefined) return
    deps.refusalCount.add()
    return sendAnswer(reply, quotaExceeded(retryAfterSeconds))
  })

  for (const [path, read] of Object.entries(readOperation)) {
    app.post<OperationRoute>(path, async (request, reply) => {
      const key = readIdempotencyKey(request.headers['idempotency-key'])
      if (typeof key === 'object' && key !== null) return sendAnswer(reply, key)
      if (key !== null) reply.header('idempotency-key', key)
      const form = request.body ?? new URLSearchParams()
      const { findIntent } = deps.store
      const operation = read({ form, intentId: request.params.id, findIntent })
      if (operation.kind === 'refused') return sendAnswer(reply, operation.error)
      const outcome = await performOperation(deps, operation.value, key, request.id)
      return await answer(request, reply, outcome, operation.value.expand, deps.stop)
    })
  }
}

/** Sends the answer of the outcome at once, byte by byte, or not at all. */
async function answer(
  request: FastifyRequest<OperationRoute>,
  reply: FastifyReply,
  outcome: Outcome,
  expand: Expand,
  stop: AbortSignal,
): Promise<unknown> {
  if (outcome.kind === 'silent') {
    request.log.info({ event: 'request.unanswered' }, 'the client gets no answer')
    return await keepWaiting(reply, limits.silenceMaxMs, stop)
  }
  if (outcome.kind === 'refused') return sendAnswer(reply, outcome.error)
  const answered =
    outcome.kind === 'done'
      ? operationAnswer(outcome.completed, outcome.replayed, expand)
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
