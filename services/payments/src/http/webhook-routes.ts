import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problemResponses } from '@nightshift/contracts/problem'
import {
  isSigned,
  readSignature,
  type Signature,
} from '@nightshift/patterns/webhook-hint/signature'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { note } from '@nightshift/runtime/http/request-state'
import { JsonRefused, parseStrictJson } from '@nightshift/runtime/http/strict-json'
import { type Static, Type } from 'typebox'
import Value from 'typebox/value'
import type { ProviderWebhook } from '../domain/provider-webhook.ts'
import { type ReceiveWebhookDeps, receiveWebhook } from '../flows/receive-webhook.ts'
import { limits } from '../limits.ts'
import type { PaymentsLog } from '../log-events.ts'

export type WebhookRoutesDeps = {
  receiveWebhook: ReceiveWebhookDeps
  /** One secret, or two during a rotation, the newer one first. */
  webhookSecrets: readonly string[]
  log: PaymentsLog
  webhookMetrics: {
    webhooks: { inc: (labels: { outcome: string }) => void }
    webhooksIgnored: { inc: (labels: { type: string }) => void }
  }
  /** The wall clock, because signatures contain the time of the provider's clock. */
  nowSeconds: () => number
}

/**
 * The least that a body must have to be an event. The provider sends events about everything in an
 * account, and repeats each event for days until the answer is 2xx. So only a body that is no event
 * is refused.
 */
const Event = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_]{1,100}$' }),
  type: Type.String({ pattern: '^[A-Za-z0-9_.]{1,100}$' }),
  data: Type.Object({ object: Type.Object({}) }),
})

/**
 * Types whose object is an intent or a charge. The object of `charge.dispute.created` is neither.
 */
const aboutPayments = /^(payment_intent|charge)\.[a-z_]+$/

/**
 * The fields of an intent or a charge that we read. Other fields are allowed: providers add them.
 */
const PaymentObject = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_]{1,100}$' }),
  /** The intent that a charge belongs to. */
  payment_intent: Type.Optional(
    Type.Union([Type.String({ pattern: '^[A-Za-z0-9_]{1,100}$' }), Type.Null()]),
  ),
  amount: Type.Integer(),
  currency: Type.String({ maxLength: 8 }),
})
const Parked = Type.Object({ status: Type.Literal('parked') })
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The route for the card provider, which has no API key and signs its requests instead. */
export const webhookRoutes: FastifyPluginAsyncTypebox<{ deps: WebhookRoutesDeps }> = async (
  app,
  { deps },
) => {
  const { log, webhookMetrics: metrics } = deps
  const countIgnored = countIgnoredBy(metrics.webhooksIgnored)
  // The signature covers the bytes of the body, so they must not be parsed before it is checked.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_: unknown, body: Buffer) => body,
  )
  app.decorateRequest(signatureOfRequest)

  const schema = {
    summary: 'An event of the card provider',
    description: 'Signed like Stripe events: `Stripe-Signature: t=..,v1=..` over the raw body.',
    // The handler validates the body, after the signature.
    body: Type.Unknown(),
    response: { 204: Type.Null(), 202: Parked, ...problemResponses },
  }
  const refuse = (request: HttpRequest, reply: HttpReply, reason: Reason) => {
    metrics.webhooks.inc({ outcome: reason })
    log.warn({ event: 'webhook.refused', reason })
    note(request, { reason })
    return sendProblem(request, reply, refusals[reason])
  }
  app.post(
    '/v1/provider-webhooks',
    {
      schema,
      config: { public: true },
      bodyLimit: limits.http.webhookBytesMax,
      // A request without a usable signature is refused before its body is received.
      onRequest: async (request, reply) => {
        const header = request.headers['stripe-signature']
        const signature = readSignature(header, deps.nowSeconds())
        if (typeof signature === 'string') return refuse(request, reply, signature)
        request.setDecorator(signatureOfRequest, signature)
      },
    },
    async (request, reply) => {
      // An empty body is signed like any other.
      const body = (request.body ?? Buffer.alloc(0)) as Buffer
      const signature = request.getDecorator<Signature>(signatureOfRequest)
      if (!isSigned(signature, body, deps.webhookSecrets)) return refuse(request, reply, 'forged')
      const event = parse(body)
      if (!Value.Check(Event, event)) return refuse(request, reply, 'unreadable')
      const named = paymentNamedBy(event)
      if (named === undefined) {
        metrics.webhooks.inc({ outcome: 'ignored' })
        countIgnored(event.type)
        note(request, { webhook: 'ignored', type: event.type })
        return reply.code(204).send(null)
      }
      const webhook = webhookOf(event, named)
      if (webhook === undefined) return refuse(request, reply, 'unreadable')
      const result = await receiveWebhook(deps.receiveWebhook, webhook)
      if (result.kind === 'refuse') return refuse(request, reply, result.reason)
      metrics.webhooks.inc({ outcome: result.kind })
      note(request, { webhook: result.kind })
      if (result.kind !== 'park') return reply.code(204).send(null)
      log.warn({ event: 'webhook.parked', reason: 'unknown_payment' })
      return reply.code(202).send({ status: 'parked' as const })
    },
  )
}

type HttpRequest = Parameters<typeof sendProblem>[0]
type HttpReply = Parameters<typeof sendProblem>[1]

/** The name under which the hook leaves the signature for the handler. */
const signatureOfRequest = 'webhookSignature'

/** The content of an event about a payment of ours. Undefined if its object has another form. */
function webhookOf(
  { id: eventId, type, data: { object } }: Static<typeof Event>,
  named: PaymentNamed,
): ProviderWebhook | undefined {
  if (!Value.Check(PaymentObject, object)) return undefined
  const { amount: amountCents, currency, payment_intent: intentId } = object
  return { eventId, type, intentId: intentId ?? object.id, amountCents, currency, ...named }
}

/** The payment of ours that an event is about. Undefined if it is about something else. */
function paymentNamedBy(event: Static<typeof Event>): PaymentNamed | undefined {
  if (!aboutPayments.test(event.type)) return undefined
  const { metadata } = event.data.object as { metadata?: unknown }
  if (typeof metadata !== 'object' || metadata === null) return undefined
  const { payment_id: paymentId, tenant_id: tenantId } = metadata as Record<string, unknown>
  if (typeof paymentId !== 'string' || !uuid.test(paymentId)) return undefined
  return { paymentId, tenantId: typeof tenantId === 'string' ? tenantId : undefined }
}

type PaymentNamed = Pick<ProviderWebhook, 'paymentId' | 'tenantId'>

const ignoredTypesMax = 50

/** Counts by type, for a bounded number of types, because each label value is a new time series. */
function countIgnoredBy(
  counter: WebhookRoutesDeps['webhookMetrics']['webhooksIgnored'],
): (type: string) => void {
  const seen = new Set<string>()
  return type => {
    if (seen.size < ignoredTypesMax) seen.add(type)
    counter.inc({ type: seen.has(type) ? type : 'other' })
  }
}

function parse(body: Buffer): unknown {
  try {
    return parseStrictJson(body)
  } catch (error) {
    if (error instanceof JsonRefused) return undefined // the caller refuses the body
    throw error
  }
}

const badSignature: Refusal = {
  status: 401,
  slug: 'invalid-signature',
  title: 'The signature is wrong or too old',
}
const mismatch: Refusal = {
  status: 422,
  slug: 'webhook-mismatch',
  title: 'The event contradicts the payment that it names',
}
const refusals = {
  malformed: badSignature,
  stale: badSignature,
  forged: badSignature,
  unreadable: { status: 400, slug: 'validation-error', title: 'The body is not an event' },
  another_tenant: mismatch,
  another_amount: mismatch,
  another_intent: mismatch,
} as const satisfies Record<string, Refusal>
type Reason = keyof typeof refusals
