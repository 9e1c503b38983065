import { createHash } from 'node:crypto'
import type { ApiError } from '../answers/api-error.ts'
import { apiError, invalidParam } from '../answers/api-error.ts'
import type { Expand } from '../answers/expand.ts'
import { intentPaths } from '../answers/show-intent.ts'
import { refundPaths } from '../answers/show-refund.ts'
import type { Action, IntentOperation, Operation } from '../operations/operation.ts'
import type { PaymentIntent } from '../operations/payment-intent.ts'
import { amountStepOf, leastAmountOf, readCurrency } from './currencies.ts'
import type { ParamRules, Params, Read } from './read-params.ts'
import { cardOf, readParams } from './read-params.ts'
import type { TestCard } from './test-cards.ts'
import { findTestCardByKind } from './test-cards.ts'

/** Requests that ask for the same operation have the same `fingerprint`. */
export type OperationRequest = Readonly<{
  operation: Operation
  fingerprint: string
  /** This card is charged. It is undefined when none is. */
  card: TestCard | undefined
  expand: Expand
}>

/** The operation is read from these parts of a request. */
export type OperationSource = Readonly<{
  form: URLSearchParams
  /** This is undefined when the path names no intent. */
  intentId: string | undefined
  findIntent: (intentId: string) => PaymentIntent | undefined
}>

type ReadOperation = (source: OperationSource) => Read<OperationRequest>

const onIntent = { paths: intentPaths }
const creation: ParamRules = {
  kinds: {
    amount: 'amount',
    currency: 'currency',
    confirm: ['true', 'false'],
    capture_method: ['automatic', 'manual'],
    // Newer versions of the API use the first of these two names.
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

/** Each POST below /v1 has a function that reads its body. */
export const readOperation: Readonly<Record<string, ReadOperation>> = {
  '/payment_intents': readCreation,
  '/payment_intents/:id/confirm': source =>
    readOnIntent('confirm', confirmation, source, ({ params, subject }) => {
      const paymentMethod = cardOf(params)?.kind ?? subject.paymentMethod
      return { ...subject, action: 'confirm', paymentMethod }
    }),
  '/payment_intents/:id/capture': source =>
    readOnIntent('capture', capture, source, ({ params, subject, intent }) => {
      const amount = params.number('amount_to_capture')
      const all = { amount: intent.amountCapturable, rest: true } as const
      return { ...subject, action: 'capture', ...(amount === undefined ? all : { amount }) }
    }),
  '/payment_intents/:id/cancel': source =>
    readOnIntent('cancel', cancellation, source, ({ params, subject }) => {
      return { ...subject, action: 'cancel', reason: params.find('cancellation_reason') ?? null }
    }),
  '/refunds': source =>
    readOnIntent('refund', refund, source, ({ params, subject, intent }) => {
      const amount = params.number('amount')
      const left = intent.amountReceived - intent.amountRefunded
      return {
        ...subject,
        action: 'refund',
        // The intent's metadata win, so a refund cannot be attributed to another payment.
        metadata: { ...params.metadata, ...subject.metadata },
        refundMetadata: params.metadata,
        reason: params.find('reason') ?? null,
        ...(amount === undefined ? ({ amount: left, rest: true } as const) : { amount }),
      }
    }),
}

function readCreation({ form }: OperationSource): Read<OperationRequest> {
  const read = readParams(form, creation)
  if (read.kind === 'refused') return read
  const params = read.value
  const amount = params.number('amount') ?? 0
  const currency = readCurrency(params.find('currency') ?? '') ?? ''
  const invalid = findInvalidAmount(amount, currency)
  if (invalid !== undefined) return refused(invalid)
  const card = cardOf(params)
  const confirm = params.find('confirm') === 'true'
  if (confirm && card === undefined) {
    const message = 'Missing required param: payment_method.'
    return refused(invalidParam('payment_method', 'parameter_missing', message))
  }
  const operation: Operation = {
    amount,
    currency,
    metadata: params.metadata,
    paymentMethod: card?.kind ?? null,
    ...(params.find('capture_method') === 'manual' ? { captureMethod: 'manual' } : {}),
    ...(confirm ? {} : { confirm }),
  }
  const { expand } = params
  const fingerprint = fingerprintOf('', form)
  return {
    kind: 'read',
    value: { operation, fingerprint, card: confirm ? card : undefined, expand },
  }
}

/** Checks the rules of the currency. They do not apply to a refund or a capture. */
function findInvalidAmount(amount: number, currency: string): ApiError | undefined {
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
  /** Every operation on this intent has these fields. */
  subject: Pick<IntentOperation, 'intentId' | 'amount' | 'currency' | 'metadata' | 'paymentMethod'>
}>

function readOnIntent(
  action: Action,
  rules: ParamRules,
  { form, intentId, findIntent }: OperationSource,
  operationOf: (on: OnIntent) => IntentOperation,
): Read<OperationRequest> {
  const read = readParams(form, rules)
  if (read.kind === 'refused') return read
  const params = read.value
  const wanted = intentId ?? params.find('payment_intent') ?? ''
  const intent = findIntent(wanted)
  if (intent === undefined) {
    return refused(
      notFound('payment_intent', wanted, intentId === undefined ? undefined : 'intent'),
    )
  }
  const { amount, currency, metadata, paymentMethod } = intent
  const subject = { intentId: wanted, amount, currency, metadata, paymentMethod }
  const operation = operationOf({ params, intent, subject })
  const isConfirmed = operation.action === 'confirm'
  const card = isConfirmed ? findTestCardByKind(operation.paymentMethod) : undefined
  const fingerprint = fingerprintOf(`${action} ${wanted}`, form)
  return { kind: 'read', value: { operation, fingerprint, card, expand: params.expand } }
}

/** Builds the 404 for an unknown id. `param` names the place of the id in the request. */
export function notFound(what: string, id: string, param: string = what): ApiError {
  const message = `No such ${what}: '${id.slice(0, 60)}'`
  return apiError(404, 'invalid_request_error', message, { code: 'resource_missing', param })
}

function refused(error: ApiError): Read<never> {
  return { kind: 'refused', error }
}

/**
 * Hashes every name and value, whatever their order. `target` holds the action and the intent, and
 * is empty for a creation.
 */
function fingerprintOf(target: string, form: URLSearchParams): string {
  const sorted = new URLSearchParams(form)
  sorted.sort()
  return createHash('sha256').update(target).update(sorted.toString()).digest('base64url')
}
