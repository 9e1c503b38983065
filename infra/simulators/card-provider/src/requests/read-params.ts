import type { ApiError } from '../answers/api-error.ts'
import { invalidParam } from '../answers/api-error.ts'
import type { Expand } from '../answers/expand.ts'
import { expandPaths } from '../answers/expand.ts'
import { readCurrency } from './currencies.ts'
import type { TestCard } from './test-cards.ts'
import { findTestCard } from './test-cards.ts'

/** A parameter must have a value of its kind. A list means one of these words. */
type Kind = 'amount' | 'currency' | 'card' | 'count' | 'text' | readonly string[]

/** A request may have these parameters. Every other one is refused. */
export type ParamRules = Readonly<{
  /** A name that ends in [] is a list. */
  kinds: Readonly<Record<string, Kind>>
  required?: readonly string[]
  metadata?: true
  /** `expand[]` may name these paths. */
  paths?: readonly string[]
}>

export type Params = Readonly<{
  find: (name: string) => string | undefined
  /** Answers the whole number of that name, or undefined when it was not sent. */
  number: (name: string) => number | undefined
  metadata: Readonly<Record<string, string>>
  expand: Expand
}>

/** Reading a request gives a value, or the first mistake in it. */
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
    findUnknown(form, rules) ?? findMissing(form, rules) ?? findInvalid(form, metadata, rules)
  if (error !== undefined) return { kind: 'refused', error }
  const find = (name: string) => form.get(name) ?? undefined
  const number = (name: string) => (form.has(name) ? Number(form.get(name)) : undefined)
  const value = { find, number, metadata, expand: expandPaths(form.getAll('expand[]')) }
  return { kind: 'read', value }
}

/** Answers the test card that the request names, if it names one. */
export function cardOf({ find }: Params): TestCard | undefined {
  return findTestCard(find('payment_method') ?? '')
}

/** Clients write a list as `expand[0]` or as `expand[]`, with the same meaning. */
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

function findUnknown(form: URLSearchParams, rules: ParamRules): ApiError | undefined {
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

function findInvalid(
  form: URLSearchParams,
  metadata: Readonly<Record<string, string>>,
  { kinds, paths = [] }: ParamRules,
): ApiError | undefined {
  for (const [name, kind] of Object.entries(kinds)) {
    for (const value of form.getAll(name)) {
      const error = findInvalidValue(name, value, kind)
      if (error !== undefined) return error
    }
  }
  const path = form.getAll('expand[]').find(each => !paths.includes(each))
  if (path !== undefined) {
    const message = `This property cannot be expanded (${path.slice(0, shownMax)}).`
    return invalidParam('expand', 'parameter_invalid_string', message)
  }
  return findInvalidMetadata(Object.values(metadata))
}

function findInvalidValue(name: string, value: string, kind: Kind): ApiError | undefined {
  switch (kind) {
    case 'amount':
      return findInvalidAmount(name, value)
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
      if (findTestCard(value) !== undefined) return undefined
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

function findInvalidAmount(name: string, value: string): ApiError | undefined {
  if (!/^\d{1,12}$/.test(value)) {
    return invalidParam(name, 'parameter_invalid_integer', `Invalid integer: ${name}`)
  }
  if (Number(value) < 1) {
    return invalidParam(name, 'amount_too_small', 'Amount must be at least 1 minor unit')
  }
  if (Number(value) <= amountMax) return undefined
  return invalidParam(name, 'amount_too_large', `Amount must be no more than ${amountMax}`)
}

function findInvalidMetadata(values: readonly string[]): ApiError | undefined {
  if (values.length > metadataEntriesMax) {
    const message = `Metadata may have at most ${metadataEntriesMax} keys`
    return invalidParam('metadata', 'parameter_invalid_map', message)
  }
  if (values.every(value => value.length <= metadataValueMax)) return undefined
  const message = `Metadata values may have at most ${metadataValueMax} characters`
  return invalidParam('metadata', 'parameter_invalid_string', message)
}
