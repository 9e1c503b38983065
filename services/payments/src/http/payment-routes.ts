import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ListPaymentsQuery,
  ListPaymentsResponse,
  PaymentResponse,
  TakePaymentRequest,
} from '@nightshift/contracts/payments-http'
import { Id, IdempotencyKey, strict } from '@nightshift/contracts/primitives'
import { problemResponse, problemResponses } from '@nightshift/contracts/problem'
import { sendKeyedAnswer, sendNotClaimed } from '@nightshift/patterns/idempotency-key/http-answer'
import type { RouteHooks } from '@nightshift/patterns/rate-limit/limited-door'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, tenantOf } from '@nightshift/runtime/http/request-state'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { Type } from 'typebox'
import type { Payment } from '../domain/payment.ts'
import { paymentResponse } from '../domain/payment-answer.ts'
import { listPayments } from '../flows/list-payments.ts'
import { type TakePaymentDeps, takePayment } from '../flows/take-payment.ts'
import type { FindPayments } from '../store/list-payments.ts'
import { noSuchPayment, unknownCursor } from './refusals.ts'

export type PaymentRoutesDeps = {
  takePayment: TakePaymentDeps
  takingDoor: RouteHooks
  /** The answer while the outcome is unknown. `timed_out` is that of a variant. */
  whileUnknown: 'pending' | 'timed_out'
  findPayment: (
    tenantId: string,
    paymentId: string,
    deadline: Deadline,
  ) => Promise<Payment | undefined>
  findPayments: (
    filter: Parameters<FindPayments>[0],
    deadline: Deadline,
  ) => ReturnType<FindPayments>
  pageDefault: number
}

/** Routes for callers with an API key: take a payment, read one, list all. */
export const paymentRoutes: FastifyPluginAsyncTypebox<{ deps: PaymentRoutesDeps }> = async (
  app,
  { deps },
) => {
  const take = {
    summary: 'Take a payment, once per Idempotency-Key',
    headers: Type.Object({ 'idempotency-key': IdempotencyKey }),
    body: TakePaymentRequest,
    response: {
      201: { ...PaymentResponse, description: 'Captured, or authorized if the capture is manual.' },
      202: {
        ...PaymentResponse,
        description: 'Not known yet. Ask again, with the same key or by id.',
      },
      402: { ...problemResponse, description: 'The card was declined. Nothing was charged.' },
      ...problemResponses,
    },
  }
  app.post(
    '/v1/payments',
    { schema: take, config: { scope: 'payments:take' }, ...deps.takingDoor },
    async (request, reply) => {
      const { amountCents, taxCents = 0 } = request.body
      if (taxCents >= amountCents) return sendProblem(request, reply, taxTooHigh)
      const key = request.headers['idempotency-key']
      const keyed = { tenantId: tenantOf(request), key, request: request.body }
      const result = await takePayment(deps.takePayment, keyed, deadlineOf(request))
      if (result.kind !== 'payment') return sendNotClaimed(request, reply, result)
      const { paymentId, status } = result.payment
      note(request, { paymentId, paymentStatus: status })
      if (status === 'pending' && deps.whileUnknown === 'timed_out') {
        return sendProblem(request, reply, timedOut)
      }
      return sendKeyedAnswer(reply, result.answer, false)
    },
  )

  const show = {
    summary: 'One payment of the caller',
    params: Type.Object({ paymentId: Id }, strict),
    response: { 200: PaymentResponse, ...problemResponses },
  }
  app.get(
    '/v1/payments/:paymentId',
    { schema: show, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { paymentId } = request.params
      const payment = await deps.findPayment(tenantOf(request), paymentId, deadlineOf(request))
      if (payment) return paymentResponse(payment)
      return sendProblem(request, reply, noSuchPayment)
    },
  )

  const list = {
    summary: 'Payments of the caller, newest first',
    querystring: ListPaymentsQuery,
    response: { 200: ListPaymentsResponse, ...problemResponses },
  }
  app.get(
    '/v1/payments',
    { schema: list, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { after, limit = deps.pageDefault, ...filter } = request.query
      const ownFilter = { ...filter, tenantId: tenantOf(request), limit }
      const find: FindPayments = each => deps.findPayments(each, deadlineOf(request))
      const listed = await listPayments(find, ownFilter, after)
      if (listed.kind === 'unknown_cursor') return sendProblem(request, reply, unknownCursor)
      const { payments, nextAfter } = listed
      return { payments: payments.map(paymentResponse), ...(nextAfter && { nextAfter }) }
    },
  )
}

/**
 * A schema can't compare two fields. Without this check a constraint would fail, as a fault of
 * ours.
 */
const taxTooHigh: Refusal = {
  status: 422,
  slug: 'tax-range',
  title: 'The tax is not below the amount',
  errors: [{ pointer: '/taxCents', message: 'must be below amountCents' }],
}

/** Only the variant `cache-then-charge` answers with this. The API does not promise it. */
const timedOut: Refusal = {
  status: 504,
  slug: 'provider-timeout',
  title: 'The card provider did not answer in time',
}
