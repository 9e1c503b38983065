import { limits } from '../limits.ts'
import { attributesAtRest, type Stream, type Toxic, type ToxicType } from '../proxy/toxic.ts'
import { apiError, badBody } from './api-error.ts'
import { parseName, parseObject } from './parse-body.ts'

type ToxicChange = Readonly<Pick<Toxic, 'toxicity' | 'attributes'>>

const toxicityAtRest = 1

/**
 * A toxic from the body of a request, with Toxiproxy's defaults. Throws the 400 that names the
 * mistake. Unknown fields are ignored, as Toxiproxy does: its clients send a few.
 */
export function parseToxic(body: unknown): Toxic {
  const given = parseObject(body)
  const stream = parseStream(given['stream'])
  const type = parseType(given['type'])
  const rest = { toxicity: toxicityAtRest, attributes: attributesAtRest[type] }
  const name = parseName(given['name'] || `${type}_${stream}`)
  return { name, type, stream, ...parseChange(type, rest, given) } as Toxic
}

/** The toxic after a change. Only its toxicity and its attributes can change. */
export function parseToxicChange(toxic: Toxic, body: unknown): Toxic {
  return { ...toxic, ...parseChange(toxic.type, toxic, parseObject(body)) } as Toxic
}

function parseChange(
  type: ToxicType,
  before: ToxicChange,
  given: Readonly<Record<string, unknown>>,
): ToxicChange {
  const attributes = parseAttributes(before.attributes, parseObject(given['attributes'] ?? {}))
  if (type === 'slicer' && (attributes['average_size'] ?? 0) < 1) {
    throw badBody('attributes.average_size: slices have at least 1 byte')
  }
  return {
    toxicity: parseToxicity(given['toxicity'] ?? before.toxicity),
    attributes: attributes as Toxic['attributes'],
  }
}

function parseAttributes(
  before: Readonly<Record<string, number>>,
  given: Readonly<Record<string, unknown>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(before).map(([name, value]) => [name, parseAmount(name, given[name] ?? value)]),
  )
}

function parseAmount(name: string, value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= limits.waitMaxMs) {
    return Number(value)
  }
  throw badBody(`attributes.${name} must be a whole number from 0 to ${limits.waitMaxMs}`)
}

function parseToxicity(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  throw badBody('toxicity must be a number from 0 to 1')
}

function parseStream(value: unknown): Stream {
  const stream = String(value ?? 'downstream').toLowerCase()
  if (stream === 'upstream' || stream === 'downstream') return stream
  throw apiError(400, 'stream was invalid, can be either upstream or downstream')
}

function parseType(value: unknown): ToxicType {
  if (typeof value === 'string' && Object.hasOwn(attributesAtRest, value)) return value as ToxicType
  throw apiError(400, 'invalid toxic type')
}
