import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '@nightshift/contracts/problem'
import type { Log } from '@nightshift/runtime/logger'
import type { Metrics } from '@nightshift/runtime/metrics'
import { type Refusal, sendProblem } from '@nightshift/runtime/problem'
import { note } from '@nightshift/runtime/request-state'
import { Type } from 'typebox'
import Value from 'typebox/value'
import type { ProviderCallback } from '../domain/callback.ts'
import { type TakeCallbackDeps, takeCallback } from '../flows/take-callback.ts'
import { checkSignature } from './callback-signature.ts'

export type CallbackRoutesDeps = {
  takeCallback: TakeCallbackDeps
  /** The newer one first; two while one replaces the other. */
  callbackSecrets: readonly string[]
  log: Log
  metrics: Metrics
  /** The wall clock: a signature tells the time, and no monotonic clock is shared with the provider. */
  nowSeconds: () => number
}

/** Of the provider's events, what we read. It may have more in it: what is new there is no mistake. */
const Event = Type.Object({
  id: Type.String({ pattern: '^evt_[A-Za-z0-9_]{1,100}$' }),
  type: Type.String({ pattern: '^[a-z_.]{1,100}$' }),
  data: Type.Object({
    object: Type.Object({
      id: Type.String({ pattern: '^[A-Za-z0-9_]{1,100}$' }),
      /** Where the object is a charge: the intent that it belongs to. */
      payment_intent: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_]{1,100}$' })),
      amount: Type.Integer(),
      currency: Type.String({ maxLength: 8 }),
      metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
    }),
  }),
})
const Parked = Type.Object({ status: Type.Literal('parked') })
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** For the card provider, who shows no key but signs what it sends. */
export const callbackRoutes: FastifyPluginAsyncTypebox<{ deps: CallbackRoutesDeps }> = async (
  app,
  { deps },
) => {
  const { log, metrics } = deps
  // The signature is over the bytes: nobody may have parsed them before.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_: unknown, body: Buffer) => body,
  )

  const schema = {
    summary: 'The card provider tells that something has happened',
    description: 'Signed as Stripe signs: `Stripe-Signature: t=..,v1=..` over the raw body.',
    // Looked at when its signature has been.
    body: Type.Unknown(),
    response: { 204: Type.Null(), 202: Parked, ...problemResponses },
  }
  app.post(
    '/v1/provider-callbacks',
    { schema, config: { public: true } },
    async (request, reply) => {
      // Who says nothing has a signature of nothing, or none.
      const body = (request.body ?? Buffer.alloc(0)) as Buffer
      const header = request.headers['stripe-signature']
      const signature = typeof header === 'string' ? header : undefined
      const verdict = checkSignature(signature, body, deps.callbackSecrets, deps.nowSeconds())
      const refuse = (reason: string, refusal: Refusal) => {
        metrics.callbacks.inc({ outcome: reason })
        log.warn({ event: 'callback.refused', reason })
        return sendProblem(request, reply, refusal)
      }
      if (verdict !== 'valid') return refuse(verdict, refusals.signature)
      const callback = readCallback(body)
      if (!callback) return refuse('unreadable', refusals.unreadable)
      const result = await takeCallback(deps.takeCallback, callback)
      if (result.kind === 'refuse') return refuse(result.reason, refusals.mismatch)
      metrics.callbacks.inc({ outcome: result.kind })
      note(request, { callback: result.kind })
      if (result.kind !== 'park') return reply.code(204).send(null)
      log.warn({ event: 'callback.parked', reason: 'unknown_payment' })
      return reply.code(202).send({ status: 'parked' as const })
    },
  )
}

function readCallback(body: Buffer): ProviderCallback | undefined {
  const event = parse(body)
  if (!Value.Check(Event, event)) return undefined
  const { id, payment_intent: intentId = id, amount, currency, metadata = {} } = event.data.object
  const { payment_id: paymentId, tenant_id: tenantId } = metadata
  return {
    eventId: event.id,
    type: event.type,
    intentId,
    amountCents: amount,
    currency,
    paymentId: paymentId !== undefined && uuid.test(paymentId) ? paymentId : undefined,
    tenantId,
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined // no event has this form, and the caller says so
  }
}

const refusals = {
  signature: {
    status: 401,
    slug: 'invalid-signature',
    title: 'The signature is not one of ours, or not of now',
  },
  unreadable: { status: 400, slug: 'validation-error', title: 'This is no event' },
  mismatch: {
    status: 422,
    slug: 'callback-mismatch',
    title: 'This does not fit what is known of the payment',
  },
} as const satisfies Record<string, Refusal>
