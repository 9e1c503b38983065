import type { Static, TObject, TSchema } from 'typebox'
import Value from 'typebox/value'

/** Lists every mistake of a configuration, so that five mistakes do not take five starts. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(`the configuration is wrong:\n${mistakes.map(line => `  - ${line}`).join('\n')}`)
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

/**
 * Marks a secret setting. The defaults with which `docker compose up` just works are public: they all
 * begin with `development-`, and are refused wherever NODE_ENV is neither development nor test.
 */
export const secret = { secret: true } as const

const publicDefault = /development-/
const whereDefaultsMayBe: readonly unknown[] = ['development', 'test']

/**
 * Reads a whole configuration from environment variables and freezes it.
 * Only the variables that the schema names are looked at. An empty variable counts as not set,
 * because that is what shells and Compose files mean by it.
 * @throws ConfigError listing every mistake. Values are never repeated: they may be secrets.
 */
export function readConfig<T extends TObject>(
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Static<T>> {
  const properties: Record<string, TSchema> = schema.properties
  const given: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(properties)) {
    const value = env[name]
    if (value !== undefined && value !== '') given[name] = fromText(property, value)
  }
  const whole = Value.Default(schema, given) as Record<string, unknown>
  const required = new Set<string>(schema.required)
  const mayBeDefault = whereDefaultsMayBe.includes(whole['NODE_ENV'])
  const mistakes = Object.entries(properties).flatMap(([name, property]) => {
    if (!(name in whole)) return required.has(name) ? [`${name}: is not set`] : []
    const isKnown = !mayBeDefault && isPublicDefault(property, whole[name])
    return [...mistakesIn(name, property, whole[name]), ...(isKnown ? [`${name}: ${known}`] : [])]
  })
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return Object.freeze(whole as Static<T>)
}

/** Checks one variable at a time: asked about the whole, TypeBox stops after eight mistakes. */
function mistakesIn(name: string, property: TSchema, value: unknown): string[] {
  const mistakes = Value.Errors(property, value).map(
    ({ message, params }) => `${name}: ${message}${choiceIn(params)}`,
  )
  return [...new Set(mistakes)]
}

const known = 'is the public default for development; set one of your own'

function isPublicDefault(property: TSchema, value: unknown): boolean {
  const isSecret = (property as { secret?: unknown }).secret === true
  return isSecret && publicDefault.test(String(value))
}

/** The texts that stand for a number of each type. Others stay texts, and are refused as such. */
const numberForms: Readonly<Record<string, RegExp>> = {
  integer: /^-?(0|[1-9]\d{0,14})$/,
  number: /^-?(0|[1-9]\d{0,14})(\.\d{1,9})?$/,
}

/** TypeBox's Convert is too generous: it turns "12.7" into the integer 12. */
function fromText(property: TSchema, value: string): unknown {
  const { type = '' } = property as { type?: string }
  return numberForms[type]?.test(value) ? Number(value) : value
}

function choiceIn(params: object): string {
  const allowed = (params as { allowedValues?: unknown[] }).allowedValues
  return allowed ? `: ${allowed.join(', ')}` : ''
}
