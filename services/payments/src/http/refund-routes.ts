import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { RefundPaymentRequest, RefundResponse } from '@nightshift/contracts/payments-http'
import { Id, IdempotencyKey, strict } from '@nightshift/contracts/primitives'
import { problemResponses } from '@nightshift/contracts/problem'
import { sendKeyedAnswer, sendNotClaimed } from '@nightshift/patterns/idempotency-key/http-answer'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, tenantOf } from '@nightshift/runtime/http/request-state'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { Type } from 'typebox'
import type { Refund } from '../domain/refund.ts'
import { refundResponse } from '../domain/refund-answer.ts'
import { type RefundPaymentDeps, refundPayment } from '../flows/refund-payment.ts'
import { noSuchPayment } from './refusals.ts'

export type RefundRoutesDeps = {
  refundPayment: RefundPaymentDeps
  /** Undefined when the tenant has no such payment. */
  findRefundsOf: (
    tenantId: string,
    paymentId: string,
    deadline: Deadline,
  ) => Promise<Refund[] | undefined>
}

const params = Type.Object({ paymentId: Id }, strict)

/** Routes for callers with an API key: make a refund, list refunds. */
export const refundRoutes: FastifyPluginAsyncTypebox<{ deps: RefundRoutesDeps }> = async (
  app,
  { deps },
) => {
  const make = {
    summary: 'Refund a payment, in whole or in part, once per Idempotency-Key',
    headers: Type.Object({ 'idempotency-key': IdempotencyKey }),
    params,
    body: RefundPaymentRequest,
    response: {
      201: { ...RefundResponse, description: 'Made.' },
      202: { ...RefundResponse, description: 'Pending. It is tried until it is made.' },
      ...problemResponses,
    },
  }
  app.post(
    '/v1/payments/:paymentId/refunds',
    { schema: make, config: { scope: 'payments:write' } },
    async (request, reply) => {
      const keyed = {
        tenantId: tenantOf(request),
        paymentId: request.params.paymentId,
        key: request.headers['idempotency-key'],
        request: request.body,
      }
      note(request, { paymentId: keyed.paymentId })
      const result = await refundPayment(deps.refundPayment, keyed, deadlineOf(request))
      switch (result.kind) {
        case 'overloaded':
        case 'in_progress':
        case 'different_request':
        case 'finished':
          return sendNotClaimed(request, reply, result)
        case 'no_such_payment':
        case 'not_captured':
        case 'too_much':
        case 'failed':
          return sendProblem(request, reply, refusals[result.kind])
        case 'refund':
          note(request, { refundId: result.refund.refundId })
          return sendKeyedAnswer(reply, result.answer, false)
      }
    },
  )

  const list = {
    summary: 'The refunds of a payment, oldest first',
    params,
    response: {
      200: Type.Object({ refunds: Type.Array(RefundResponse) }, strict),
      ...problemResponses,
    },
  }
  app.get(
    '/v1/payments/:paymentId/refunds',
    { schema: list, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { paymentId } = request.params
      const refunds = await deps.findRefundsOf(tenantOf(request), paymentId, deadlineOf(request))
      if (!refunds) return sendProblem(request, reply, refusals.no_such_payment)
      return { refunds: refunds.map(refundResponse) }
    },
  )
}

const refusals = {
  no_such_payment: noSuchPayment,
  not_captured: {
    status: 409,
    slug: 'payment-not-captured',
    title: 'Only a captured payment can be refunded',
  },
  too_much: {
    status: 422,
    slug: 'refund-too-large',
    title: 'The refund is larger than the rest of the payment',
    detail: 'All refunds of a payment together cannot exceed its amount.',
  },
  failed: {
    status: 424,
    slug: 'refund-failed',
    title: 'The refund has failed',
    detail: 'The card provider did not confirm the refund.',
  },
} as const satisfies Record<string, Refusal>
