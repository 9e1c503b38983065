import { createHash } from 'node:crypto'
import type { ApiError } from '../answers/api-error.ts'
import { apiError, invalidParam } from '../answers/api-error.ts'
import type { Expand } from '../answers/expand.ts'
import { intentPaths } from '../answers/show-intent.ts'
import { refundPaths } from '../answers/show-refund.ts'
import type { Act, IntentOrder, Order } from '../operations/operation.ts'
import type { PaymentIntent } from '../operations/payment-intent.ts'
import { amountStepOf, leastAmountOf, readCurrency } from './currencies.ts'
import type { ParamRules, Params, Read } from './read-params.ts'
import { cardOf, readParams } from './read-params.ts'
import type { PaymentMethod } from './test-cards.ts'
import { findByKind } from './test-cards.ts'

/** An order that can be carried out. `fingerprint` tells whether two requests ask for the same. */
export type OrderRequest = Readonly<{
  order: Order
  fingerprint: string
  /** The card that is charged; undefined: none is. */
  card: PaymentMethod | undefined
  expand: Expand
}>

/** What a request to do something to an intent is read from. */
export type Asked = Readonly<{
  form: URLSearchParams
  /** Undefined in a request whose path names none. */
  intentId: string | undefined
  find: (intentId: string) => PaymentIntent | undefined
}>

type ReadOrder = (asked: Asked) => Read<OrderRequest>

const onIntent = { paths: intentPaths }
const creation: ParamRules = {
  kinds: {
    amount: 'amount',
    currency: 'currency',
    confirm: ['true', 'false'],
    capture_method: ['automatic', 'manual'],
    // The first is what newer versions of the API call the second.
    'allowed_payment_method_types[]': ['card'],
    'payment_method_types[]': ['card'],
    'automatic_payment_methods[enabled]': ['true', 'false'],
    'automatic_payment_methods[allow_redirects]': ['always', 'never'],
    payment_method: 'card',
  },
  required: ['amount', 'currency'],
  metadata: true,
  ...onIntent,
}
const cancellationReasons = ['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned']
const confirmation: ParamRules = { kinds: { payment_method: 'card' }, ...onIntent }
const capture: ParamRules = { kinds: { amount_to_capture: 'amount' }, ...onIntent }
const cancellation: ParamRules = {
  kinds: { cancellation_reason: cancellationReasons },
  ...onIntent,
}
const refund: ParamRules = {
  kinds: {
    payment_intent: 'text',
    amount: 'amount',
    reason: cancellationReasons.slice(0, 3),
  },
  required: ['payment_intent'],
  metadata: true,
  paths: refundPaths,
}

/** How the body of each POST below /v1 is read. */
export const readOrder: Readonly<Record<string, ReadOrder>> = {
  '/payment_intents': readCreation,
  '/payment_intents/:id/confirm': asked =>
    readOnIntent('confirm', confirmation, asked, ({ params, subject }) => {
      const paymentMethod = cardOf(params)?.kind ?? subject.paymentMethod
      return { ...subject, act: 'confirm', paymentMethod }
    }),
  '/payment_intents/:id/capture': asked =>
    readOnIntent('capture', capture, asked, ({ params, subject, intent }) => {
      const amount = params.number('amount_to_capture')
      const all = { amount: intent.amountCapturable, rest: true } as const
      return { ...subject, act: 'capture', ...(amount === undefined ? all : { amount }) }
    }),
  '/payment_intents/:id/cancel': asked =>
    readOnIntent('cancel', cancellation, asked, ({ params, subject }) => {
      return { ...subject, act: 'cancel', reason: params.find('cancellation_reason') ?? null }
    }),
  '/refunds': asked =>
    readOnIntent('refund', refund, asked, ({ params, subject, intent }) => {
      const amount = params.number('amount')
      const left = intent.amountReceived - intent.amountRefunded
      return {
        ...subject,
        act: 'refund',
        // The intent's win: nobody can put a refund down to another payment.
        metadata: { ...params.metadata, ...subject.metadata },
        refundMetadata: params.metadata,
        reason: params.find('reason') ?? null,
        ...(amount === undefined ? ({ amount: left, rest: true } as const) : { amount }),
      }
    }),
}

function readCreation({ form }: Asked): Read<OrderRequest> {
  const read = readParams(form, creation)
  if (read.kind === 'refused') return read
  const params = read.value
  const amount = params.number('amount') ?? 0
  const currency = readCurrency(params.find('currency') ?? '') ?? ''
  const unchargeable = findUnchargeable(amount, currency)
  if (unchargeable !== undefined) return refused(unchargeable)
  const card = cardOf(params)
  const confirm = params.find('confirm') === 'true'
  if (confirm && card === undefined) {
    const message = 'Missing required param: payment_method.'
    return refused(invalidParam('payment_method', 'parameter_missing', message))
  }
  const order: Order = {
    amount,
    currency,
    metadata: params.metadata,
    paymentMethod: card?.kind ?? null,
    ...(params.find('capture_method') === 'manual' ? { captureMethod: 'manual' } : {}),
    ...(confirm ? {} : { confirm }),
  }
  const { expand } = params
  const fingerprint = fingerprintOf('', form)
  return { kind: 'read', value: { order, fingerprint, card: confirm ? card : undefined, expand } }
}

/** What is wrong with an amount only in this currency. A refund or a capture may be of less. */
function findUnchargeable(amount: number, currency: string): ApiError | undefined {
  const least = leastAmountOf(currency)
  if (amount < least) {
    const message = `Amount must be at least ${least} ${currency}, in minor units.`
    return invalidParam('amount', 'amount_too_small', message)
  }
  const step = amountStepOf(currency)
  if (amount % step === 0) return undefined
  const message = `An amount in ${currency} must be a multiple of ${step}.`
  return invalidParam('amount', 'parameter_invalid_integer', message)
}

type OnIntent = Readonly<{
  params: Params
  intent: PaymentIntent
  /** What every order on this intent has. */
  subject: Pick<IntentOrder, 'intentId' | 'amount' | 'currency' | 'metadata' | 'paymentMethod'>
}>

function readOnIntent(
  act: Act,
  rules: ParamRules,
  { form, intentId, find }: Asked,
  orderOf: (on: OnIntent) => IntentOrder,
): Read<OrderRequest> {
  const read = readParams(form, rules)
  if (read.kind === 'refused') return read
  const params = read.value
  const wanted = intentId ?? params.find('payment_intent') ?? ''
  const intent = find(wanted)
  if (intent === undefined) {
    return refused(noSuch('payment_intent', wanted, intentId === undefined ? undefined : 'intent'))
  }
  const { amount, currency, metadata, paymentMethod } = intent
  const subject = { intentId: wanted, amount, currency, metadata, paymentMethod }
  const order = orderOf({ params, intent, subject })
  const card = order.act === 'confirm' ? findByKind(order.paymentMethod) : undefined
  const fingerprint = fingerprintOf(`${act} ${wanted}`, form)
  return { kind: 'read', value: { order, fingerprint, card, expand: params.expand } }
}

/** The 404 for an id that nothing has. `param` is where it stood, if not in a field of its name. */
export function noSuch(what: string, id: string, param: string = what): ApiError {
  const message = `No such ${what}: '${id.slice(0, 60)}'`
  return apiError(404, 'invalid_request_error', message, { code: 'resource_missing', param })
}

function refused(error: ApiError): Read<never> {
  return { kind: 'refused', error }
}

/**
 * The order of the parameters does not matter; every name and value does. A creation is told from
 * the acts by their `target` alone, as its own fingerprint is the one that old logs hold.
 */
function fingerprintOf(target: string, form: URLSearchParams): string {
  const sorted = new URLSearchParams(form)
  sorted.sort()
  return createHash('sha256').update(target).update(sorted.toString()).digest('base64url')
}
