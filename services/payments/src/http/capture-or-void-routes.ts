import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { PaymentResponse } from '@nightshift/contracts/payments-http'
import { Id, strict } from '@nightshift/contracts/primitives'
import { problemResponses } from '@nightshift/contracts/problem'
import { sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, note, tenantOf } from '@nightshift/runtime/http/request-state'
import { Type } from 'typebox'
import { type CaptureOrVoidDeps, captureOrVoid, type Hold } from '../flows/capture-or-void.ts'
import { noSuchPayment } from './no-such-payment.ts'
import { paymentResponse } from './payment-answer.ts'

export type CaptureOrVoidRoutesDeps = { captureOrVoid: CaptureOrVoidDeps }

/** For callers with an API key: take money that is held, or let it go. Both may be asked twice. */
export const captureOrVoidRoutes: FastifyPluginAsyncTypebox<{
  deps: CaptureOrVoidRoutesDeps
}> = async (app, { deps }) => {
  const routes: readonly { wanted: Hold; summary: string }[] = [
    { wanted: 'capture', summary: 'Take the money that is held' },
    { wanted: 'void', summary: 'Let the money go that is held' },
  ]
  for (const { wanted, summary } of routes) {
    const schema = {
      summary,
      description:
        'Without a key: asked again, it is the same thing done once. If the money is not held any ' +
        'more, because the other was done or the provider has ended the hold, it is a 409 ' +
        '`payment-not-held` that says what the payment is.',
      params: Type.Object({ paymentId: Id }, strict),
      response: {
        200: { ...PaymentResponse, description: 'Done.' },
        202: { ...PaymentResponse, description: 'Decided, and carried out as soon as possible.' },
        ...problemResponses,
      },
    }
    app.post(
      `/v1/payments/:paymentId/${wanted}`,
      { schema, config: { scope: 'payments:write' } },
      async (request, reply) => {
        const { paymentId } = request.params
        const asked = { tenantId: tenantOf(request), paymentId, wanted }
        const decision = await captureOrVoid(deps.captureOrVoid, asked, deadlineOf(request))
        if (decision.kind === 'no_such_payment') {
          return sendProblem(request, reply, noSuchPayment)
        }
        const { status } = decision.payment
        note(request, { paymentId, paymentStatus: status })
        if (decision.kind === 'not_held') {
          return sendProblem(request, reply, {
            status: 409,
            slug: 'payment-not-held',
            title: 'There is no money held that this could be done with',
            detail:
              status === 'authorized'
                ? 'The opposite has been decided, and is being carried out.'
                : `The payment is ${status}.`,
            members: { paymentId },
          })
        }
        reply.code(status === 'authorized' ? 202 : 200)
        return paymentResponse(decision.payment)
      },
    )
  }
}
