import type { Static, TObject, TSchema } from 'typebox'
import Value from 'typebox/value'

/** Every mistake of a configuration at once, so that nobody has to start a service five times. */
export class ConfigError extends Error {
  readonly mistakes: readonly string[]
  constructor(mistakes: readonly string[]) {
    super(`the configuration is wrong:\n${mistakes.map(line => `  - ${line}`).join('\n')}`)
    this.name = 'ConfigError'
    this.mistakes = mistakes
  }
}

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
  const whole: unknown = Value.Default(schema, given)
  const mistakes = Value.Errors(schema, whole).map(error => describe(error))
  if (mistakes.length > 0) throw new ConfigError([...new Set(mistakes)])
  return Object.freeze(whole as Static<T>)
}

/** Not TypeBox's Convert: it is generous (it turns "12.7" into the integer 12). */
function fromText(property: TSchema, value: string): unknown {
  const type = (property as { type?: unknown }).type
  return type === 'integer' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
}

function describe(error: {
  keyword: string
  instancePath: string
  message: string
  params: object
}) {
  const missing = (error.params as { requiredProperties?: string[] }).requiredProperties
  if (missing) return `${missing.join(', ')}: is not set`
  const allowed = (error.params as { allowedValues?: unknown[] }).allowedValues
  const choice = allowed ? `: ${allowed.join(', ')}` : ''
  return `${error.instancePath.slice(1)}: ${error.message}${choice}`
}
