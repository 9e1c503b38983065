import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { PaymentResponse } from '@nightshift/contracts/payments-http'
import { Id, strict } from '@nightshift/contracts/primitives'
import { problemResponses } from '@nightshift/contracts/problem'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, tenantOf } from '@nightshift/runtime/http/request-state'
import { Type } from 'typebox'
import type { Action, Payment } from '../domain/payment.ts'
import { paymentResponse } from '../domain/payment-answer.ts'
import { type CaptureOrVoidDeps, captureOrVoid } from '../flows/capture-or-void.ts'
import { noSuchPayment } from './refusals.ts'

export type CaptureOrVoidRoutesDeps = { captureOrVoid: CaptureOrVoidDeps }

const actions: readonly { action: Action; summary: string }[] = [
  { action: 'capture', summary: 'Capture the authorized money' },
  { action: 'void', summary: 'Void the authorization' },
]

/**
 * Routes for callers with an API key that capture or void an authorization. Both may be repeated.
 */
export const captureOrVoidRoutes: FastifyPluginAsyncTypebox<{
  deps: CaptureOrVoidRoutesDeps
}> = async (app, { deps }) => {
  for (const { action, summary } of actions) {
    const schema = {
      summary,
      description:
        'Needs no key: a repetition has no further effect. If the money is no longer authorized, ' +
        'because the opposite was done or the authorization has ended at the provider, the answer ' +
        'is a 409 `payment-not-authorized` that names the state of the payment.',
      params: Type.Object({ paymentId: Id }, strict),
      response: {
        200: { ...PaymentResponse, description: 'Carried out.' },
        202: {
          ...PaymentResponse,
          description: 'Accepted. It is carried out as soon as possible.',
        },
        ...problemResponses,
      },
    }
    app.post(
      `/v1/payments/:paymentId/${action}`,
      { schema, config: { scope: 'payments:write' } },
      async (request, reply) => {
        const { paymentId } = request.params
        const intent = { tenantId: tenantOf(request), paymentId, action }
        const result = await captureOrVoid(deps.captureOrVoid, intent, deadlineOf(request))
        if (result.kind === 'no_such_payment') return sendProblem(request, reply, noSuchPayment)
        const { payment } = result
        note(request, { paymentId, paymentStatus: payment.status })
        if (result.kind === 'not_authorized') {
          return sendProblem(request, reply, notAuthorized(payment))
        }
        reply.code(result.kind === 'requested' ? 202 : 200)
        return paymentResponse(payment)
      },
    )
  }
}

function notAuthorized({ paymentId, status }: Payment): Refusal {
  return {
    status: 409,
    slug: 'payment-not-authorized',
    title: 'The money of this payment is not authorized',
    detail:
      status === 'authorized'
        ? 'The opposite was requested before, and is being carried out.'
        : `The payment is ${status}.`,
    members: { paymentId },
  }
}
