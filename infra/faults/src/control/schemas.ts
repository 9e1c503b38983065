import { type Static, type TSchema, Type } from 'typebox'
import Value from 'typebox/value'
import { limits } from '../limits.ts'
import { streams, toxicTypes } from '../proxy/toxic.ts'
import { type ApiError, apiError, badBody } from './api-error.ts'

/**
 * A name must fit into a URL and into a line of the log. The class `C` holds controls, characters
 * that are not seen or that turn text around, and halves of surrogate pairs.
 */
const Name = Type.String({ pattern: `^\\P{C}{1,${limits.nameCharsMax}}$` })
const share = { minimum: 0, maximum: 1 }

export const NewProxy = Type.Object({
  name: Name,
  listen: Type.String({ default: ':0' }),
  upstream: Type.String(),
  enabled: Type.Boolean({ default: true }),
})
export type NewProxy = Static<typeof NewProxy>

/** The form of Toxiproxy's configuration file and of POST /populate. */
export const NewProxies = Type.Array(NewProxy, { maxItems: limits.proxiesMax })

/** A field that is not given keeps its value. */
export const ProxyChange = Type.Partial(
  Type.Object({ listen: Type.String(), upstream: Type.String(), enabled: Type.Boolean() }),
)
export type ProxyChange = Static<typeof ProxyChange>

/** Unknown fields are ignored, as Toxiproxy does: its clients send a few. */
export const NewToxic = Type.Object({
  type: Type.Enum([...toxicTypes]),
  name: Type.Optional(Name),
  stream: Type.Enum(streams, { default: 'downstream' }),
  toxicity: Type.Number({ ...share, default: 1 }),
  /** The schema of these depends on the type; see `toxicAttributes`. */
  attributes: Type.Record(Type.String(), Type.Unknown(), { default: {} }),
})
export type NewToxic = Static<typeof NewToxic>

/** Only these two can change; a field that is not given keeps its value. */
export const ToxicChange = Type.Partial(
  Type.Object({
    toxicity: Type.Number(share),
    attributes: Type.Record(Type.String(), Type.Unknown()),
  }),
)
export type ToxicChange = Static<typeof ToxicChange>

/** The log stamps a line itself, and the names of what the proxies do are theirs. */
const Reserved = Type.Optional(Type.Never())

/** A fault that another process injects. Every further field is a detail and is kept as it came. */
export const ReportedFault = Type.Object({
  kind: Type.Enum(['process', 'setting', 'part', 'load']),
  action: Type.Enum(['begin', 'change', 'end']),
  name: Name,
  signal: Type.Optional(Type.String()),
  at: Reserved,
  seq: Reserved,
  proxy: Reserved,
  toxic: Reserved,
  link: Reserved,
  process: Reserved,
})

/**
 * The value with defaults for what is not given. Throws a 400 that names the first mistake.
 * @param prefix stands before the name of a field, when the value is a part of a body
 */
export function parse<Schema extends TSchema>(
  schema: Schema,
  value: unknown,
  prefix = '',
): Static<Schema> {
  const filled = Value.Default(schema, value)
  const [mistake] = Value.Errors(schema, filled)
  if (mistake === undefined) return filled as Static<Schema>
  throw describeMistake(mistake, prefix)
}

type Mistake = ReturnType<typeof Value.Errors>[number]

/** For these fields Toxiproxy has messages of its own, which clients may look for. */
const messages: Readonly<Record<string, string>> = {
  type: 'invalid toxic type',
  stream: 'stream was invalid, can be either upstream or downstream',
}

function describeMistake(mistake: Mistake, prefix: string): ApiError {
  const [, index, path = ''] = /^(?:\/(\d+))?\/?(.*)$/.exec(mistake.instancePath) ?? []
  const where = index === undefined ? '' : ` at proxy ${Number(index) + 1}`
  const missing = mistake.keyword === 'required' ? mistake.params.requiredProperties[0] : undefined
  const field = prefix + (missing ?? path.replaceAll('/', '.'))
  const message = messages[field]
  if (message !== undefined) return apiError(400, message)
  if (missing !== undefined) return apiError(400, `missing required field: ${field}${where}`)
  return badBody(`${field} ${mistake.message}${where}`.trim())
}
