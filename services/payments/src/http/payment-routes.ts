import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { PaymentResponse, TakePaymentRequest } from '@nightshift/contracts/payments-http'
import { Id, IdempotencyKey, strict } from '@nightshift/contracts/primitives'
import { problemResponse, problemResponses } from '@nightshift/contracts/problem'
import { sendKeyedAnswer, sendNotNow } from '@nightshift/patterns/idempotency-key/http-answer'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, tenantOf } from '@nightshift/runtime/http/request-state'
import { Type } from 'typebox'
import type { Payment } from '../domain/payment.ts'
import { type TakePaymentDeps, takePayment } from '../flows/take-payment.ts'
import { noSuchPayment } from './no-such-payment.ts'
import { paymentAnswer, paymentResponse } from './payment-answer.ts'

export type PaymentRoutesDeps = {
  takePayment: TakePaymentDeps
  findPayment: (tenantId: string, paymentId: string) => Promise<Payment | undefined>
}

/** For callers with an API key: take a payment, ask about one. */
export const paymentRoutes: FastifyPluginAsyncTypebox<{ deps: PaymentRoutesDeps }> = async (
  app,
  { deps },
) => {
  app.post(
    '/v1/payments',
    {
      config: { scope: 'payments:write' },
      schema: {
        summary: 'Take a payment, once per Idempotency-Key',
        headers: Type.Object({ 'idempotency-key': IdempotencyKey }),
        body: TakePaymentRequest,
        response: {
          201: { ...PaymentResponse, description: 'Captured.' },
          202: {
            ...PaymentResponse,
            description: 'Not known yet; ask again, with the same key or by id.',
          },
          402: { ...problemResponse, description: 'The card was declined. Nothing was charged.' },
          ...problemResponses,
        },
      },
    },
    async (request, reply) => {
      const { amountCents, taxCents = 0 } = request.body
      if (taxCents >= amountCents) return sendProblem(request, reply, taxIsNoPart)
      const key = request.headers['idempotency-key']
      const keyed = { tenantId: tenantOf(request), key, request: request.body }
      const result = await takePayment(deps.takePayment, keyed, deadlineOf(request))
      switch (result.kind) {
        case 'overloaded':
        case 'in_progress':
        case 'different_request':
        case 'finished':
          return sendNotNow(request, reply, result)
        case 'timed_out':
          return sendProblem(request, reply, timedOut)
        case 'payment': {
          const { paymentId, status } = result.payment
          note(request, { paymentId, paymentStatus: status })
          return sendKeyedAnswer(reply, paymentAnswer(result.payment), false)
        }
      }
    },
  )

  app.get(
    '/v1/payments/:paymentId',
    {
      config: { scope: 'payments:read' },
      schema: {
        summary: 'One payment of the caller',
        params: Type.Object({ paymentId: Id }, strict),
        response: { 200: PaymentResponse, ...problemResponses },
      },
    },
    async (request, reply) => {
      const payment = await deps.findPayment(tenantOf(request), request.params.paymentId)
      if (payment) return paymentResponse(payment)
      return sendProblem(request, reply, noSuchPayment)
    },
  )
}

/** A schema can't compare two fields. The database does too, and would fail: nothing gets that far. */
const taxIsNoPart: Refusal = {
  status: 422,
  slug: 'tax-range',
  title: 'The tax is not a part of the amount',
  errors: [{ pointer: '/taxCents', message: 'must be below amountCents' }],
}

/** No promise of this API: only the variant `cache-then-charge` answers so. */
const timedOut: Refusal = {
  status: 504,
  slug: 'provider-timeout',
  title: 'The card provider did not answer in time',
}
