import { createHash } from 'node:crypto'
import type { ApiError } from './api-error.ts'
import { apiError, invalidParam } from './api-error.ts'
import type { PaymentMethod } from './payment-methods.ts'
import { findPaymentMethod } from './payment-methods.ts'

/** A charge that can be carried out. `fingerprint` tells whether two requests ask for the same. */
export type ChargeRequest = Readonly<{
  amount: number
  currency: string
  metadata: Readonly<Record<string, string>>
  method: PaymentMethod
  fingerprint: string
}>

export type ReadChargeRequest =
  | Readonly<{ kind: 'request'; request: ChargeRequest }>
  | Readonly<{ kind: 'refused'; error: ApiError }>

const required = ['amount', 'currency', 'payment_method', 'confirm'] as const
const metadataName = /^metadata\[([^[\]]{1,40})\]$/
const metadataEntriesMax = 50
const metadataValueMax = 500
const amountMax = 99_999_999

/** Reads a form-encoded charge, or answers the first thing that is wrong with it. */
export function readChargeRequest(form: URLSearchParams): ReadChargeRequest {
  const error = findMistake(form)
  if (error !== undefined) return { kind: 'refused', error }

  const methodName = form.get('payment_method') ?? ''
  const method = findPaymentMethod(methodName)
  if (method === undefined) {
    const message = `No such PaymentMethod: '${methodName.slice(0, 60)}'`
    return { kind: 'refused', error: invalidParam('payment_method', 'resource_missing', message) }
  }
  const request = {
    amount: Number(form.get('amount')),
    currency: form.get('currency') ?? '',
    metadata: metadataOf(form),
    method,
    fingerprint: fingerprintOf(form),
  }
  return { kind: 'request', request }
}

function findMistake(form: URLSearchParams): ApiError | undefined {
  const names = [...form.keys()]
  for (const name of names) {
    const known = required.some(each => each === name) || metadataName.test(name)
    const shown = name.slice(0, 60)
    if (!known)
      return invalidParam(shown, 'parameter_unknown', `Received unknown parameter: ${shown}`)
    if (form.getAll(name).length > 1) {
      return invalidParam(shown, 'parameter_invalid_string', `${shown} was sent more than once`)
    }
  }
  for (const name of required) {
    if (!form.get(name)) {
      return invalidParam(name, 'parameter_missing', `Missing required param: ${name}.`)
    }
  }
  return findBadValue(form)
}

function findBadValue(form: URLSearchParams): ApiError | undefined {
  const amount = form.get('amount') ?? ''
  if (!/^\d{1,12}$/.test(amount)) {
    return invalidParam('amount', 'parameter_invalid_integer', 'Invalid integer: amount')
  }
  if (Number(amount) < 1) {
    return invalidParam('amount', 'amount_too_small', 'Amount must be at least 1 minor unit')
  }
  if (Number(amount) > amountMax) {
    return invalidParam('amount', 'amount_too_large', `Amount must be no more than ${amountMax}`)
  }
  if (!/^[a-z]{3}$/.test(form.get('currency') ?? '')) {
    const message = 'Invalid currency: three lower-case letters are expected'
    return invalidParam('currency', 'parameter_invalid_string', message)
  }
  if (form.get('confirm') !== 'true') {
    const message = 'This stand-in charges at once: confirm must be true'
    return apiError(400, 'invalid_request_error', message, { param: 'confirm' })
  }
  const metadata = Object.values(metadataOf(form))
  if (metadata.length > metadataEntriesMax) {
    const message = `Metadata may have at most ${metadataEntriesMax} keys`
    return invalidParam('metadata', 'parameter_invalid_map', message)
  }
  if (metadata.some(value => value.length > metadataValueMax)) {
    const message = `Metadata values may have at most ${metadataValueMax} characters`
    return invalidParam('metadata', 'parameter_invalid_string', message)
  }
  return undefined
}

function metadataOf(form: URLSearchParams): Record<string, string> {
  const entries: [string, string][] = []
  for (const [name, value] of form) {
    const key = metadataName.exec(name)?.[1]
    if (key !== undefined) entries.push([key, value])
  }
  return Object.fromEntries(entries)
}

/** The order of the parameters does not matter; every name and value does. */
function fingerprintOf(form: URLSearchParams): string {
  const sorted = new URLSearchParams(form)
  sorted.sort()
  return createHash('sha256').update(sorted.toString()).digest('base64url')
}
