import type { ApiError } from '../answers/api-error.ts'
import { invalidParam } from '../answers/api-error.ts'
import type { Expand } from '../answers/expand.ts'
import { expandPaths } from '../answers/expand.ts'
import { readCurrency } from './currencies.ts'
import type { PaymentMethod } from './test-cards.ts'
import { findPaymentMethod } from './test-cards.ts'

/** What a parameter has to be; a list: one of these words. */
type Kind = 'amount' | 'currency' | 'card' | 'count' | 'text' | readonly string[]

/** Which parameters a request may have. Whatever is not named here is refused. */
export type ParamRules = Readonly<{
  /** Names that end in [] stand for lists. */
  kinds: Readonly<Record<string, Kind>>
  required?: readonly string[]
  metadata?: true
  /** What `expand[]` may name. */
  paths?: readonly string[]
}>

export type Params = Readonly<{
  find: (name: string) => string | undefined
  /** The whole number of that name; undefined when it was not sent. */
  number: (name: string) => number | undefined
  metadata: Readonly<Record<string, string>>
  expand: Expand
}>

/** What was read of a request, or the first thing that is wrong with it. */
export type Read<Value> =
  | Readonly<{ kind: 'read'; value: Value }>
  | Readonly<{ kind: 'refused'; error: ApiError }>

const metadataName = /^metadata\[([^[\]]{1,40})\]$/
const metadataEntriesMax = 50
const metadataValueMax = 500
const amountMax = 99_999_999
const countMax = 100
const textMax = 500
const shownMax = 60

/** Reads parameters from a form or a query string, as Stripe's clients write them. */
export function readParams(sent: URLSearchParams, rules: ParamRules): Read<Params> {
  const form = withPlainLists(sent)
  const metadata = metadataOf(form)
  const error =
    findStranger(form, rules) ?? findMissing(form, rules) ?? findBad(form, metadata, rules)
  if (error !== undefined) return { kind: 'refused', error }
  const find = (name: string) => form.get(name) ?? undefined
  const number = (name: string) => (form.has(name) ? Number(form.get(name)) : undefined)
  const value = { find, number, metadata, expand: expandPaths(form.getAll('expand[]')) }
  return { kind: 'read', value }
}

/** The test card of a parameter that was read as one. */
export function cardOf({ find }: Params): PaymentMethod | undefined {
  return findPaymentMethod(find('payment_method') ?? '')
}

/** `expand[0]` and `expand[]` are the same to us. */
function withPlainLists(sent: URLSearchParams): URLSearchParams {
  const plain = new URLSearchParams()
  for (const [name, value] of sent) plain.append(name.replace(/\[\d+\]$/, '[]'), value)
  return plain
}

function metadataOf(form: URLSearchParams): Record<string, string> {
  const entries: [string, string][] = []
  for (const [name, value] of form) {
    const key = metadataName.exec(name)?.[1]
    if (key !== undefined) entries.push([key, value])
  }
  return Object.fromEntries(entries)
}

function findStranger(form: URLSearchParams, rules: ParamRules): ApiError | undefined {
  for (const name of form.keys()) {
    const shown = name.slice(0, shownMax)
    const isList = name.endsWith('[]')
    const known =
      Object.hasOwn(rules.kinds, name) ||
      (name === 'expand[]' && rules.paths !== undefined) ||
      (metadataName.test(name) && rules.metadata === true)
    if (!known) {
      return invalidParam(shown, 'parameter_unknown', `Received unknown parameter: ${shown}`)
    }
    if (!isList && form.getAll(name).length > 1) {
      return invalidParam(shown, 'parameter_invalid_string', `${shown} was sent more than once`)
    }
  }
  return undefined
}

function findMissing(form: URLSearchParams, { required = [] }: ParamRules): ApiError | undefined {
  const name = required.find(each => !form.get(each))
  if (name === undefined) return undefined
  return invalidParam(name, 'parameter_missing', `Missing required param: ${name}.`)
}

function findBad(
  form: URLSearchParams,
  metadata: Readonly<Record<string, string>>,
  { kinds, paths = [] }: ParamRules,
): ApiError | undefined {
  for (const [name, kind] of Object.entries(kinds)) {
    for (const value of form.getAll(name)) {
      const error = findBadValue(name, value, kind)
      if (error !== undefined) return error
    }
  }
  const path = form.getAll('expand[]').find(each => !paths.includes(each))
  if (path !== undefined) {
    const message = `This property cannot be expanded (${path.slice(0, shownMax)}).`
    return invalidParam('expand', 'parameter_invalid_string', message)
  }
  return findBadMetadata(Object.values(metadata))
}

function findBadValue(name: string, value: string, kind: Kind): ApiError | undefined {
  switch (kind) {
    case 'amount':
      return findBadAmount(name, value)
    case 'count':
      if (/^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= countMax)
        return undefined
      return invalidParam(
        name,
        'parameter_invalid_integer',
        `${name} must be from 1 to ${countMax}`,
      )
    case 'currency': {
      if (readCurrency(value) !== undefined) return undefined
      const message = `Invalid currency: ${value.slice(0, shownMax)}. It is none of ISO 4217.`
      return invalidParam(name, 'parameter_invalid_string', message)
    }
    case 'card': {
      if (findPaymentMethod(value) !== undefined) return undefined
      const message = `No such PaymentMethod: '${value.slice(0, shownMax)}'`
      return invalidParam(name, 'resource_missing', message)
    }
    case 'text':
      if (value !== '' && value.length <= textMax) return undefined
      return invalidParam(
        name,
        'parameter_invalid_string',
        `${name} must have 1 to ${textMax} characters`,
      )
    default:
      if (kind.includes(value)) return undefined
      return invalidParam(
        name,
        'parameter_invalid_string',
        `${name} must be one of: ${kind.join(', ')}`,
      )
  }
}

function findBadAmount(name: string, value: string): ApiError | undefined {
  if (!/^\d{1,12}$/.test(value)) {
    return invalidParam(name, 'parameter_invalid_integer', `Invalid integer: ${name}`)
  }
  if (Number(value) < 1) {
    return invalidParam(name, 'amount_too_small', 'Amount must be at least 1 minor unit')
  }
  if (Number(value) <= amountMax) return undefined
  return invalidParam(name, 'amount_too_large', `Amount must be no more than ${amountMax}`)
}

function findBadMetadata(values: readonly string[]): ApiError | undefined {
  if (values.length > metadataEntriesMax) {
    const message = `Metadata may have at most ${metadataEntriesMax} keys`
    return invalidParam('metadata', 'parameter_invalid_map', message)
  }
  if (values.every(value => value.length <= metadataValueMax)) return undefined
  const message = `Metadata values may have at most ${metadataValueMax} characters`
  return invalidParam('metadata', 'parameter_invalid_string', message)
}
