import type { parseArgs } from 'node:util'
import type { AuditOptions } from './audit.ts'
import type { Sources } from './collect.ts'
import { type SourceName, sourceNames } from './evidence.ts'

export const flags = {
  run: { type: 'string' },
  save: { type: 'string' },
  sometimes: { type: 'string', multiple: true },
  'may-be-empty': { type: 'string', multiple: true },
  'pays-directly': { type: 'boolean' },
  json: { type: 'boolean' },
  history: { type: 'string', multiple: true },
  'provider-log': { type: 'string' },
  'provider-url': { type: 'string' },
  'mail-log': { type: 'string' },
  'listings-url': { type: 'string' },
  brokers: { type: 'string' },
  prefix: { type: 'string' },
  'fault-log': { type: 'string' },
  'deadline-seconds': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export type Flags = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values']

export type Options = AuditOptions & {
  from: { recorded: string } | { sources: Sources; deadlineMs: number }
  saveTo?: string
  json: boolean
}

const defaultDeadlineSeconds = 90

/**
 * Reads flags and environment.
 * @throws with every mistake, not only the first
 */
export function readOptions(
  values: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Options {
  const mistakes: string[] = []
  const mayBeEmpty = (values['may-be-empty'] ?? []).filter((name): name is SourceName => {
    const isKnown = (sourceNames as readonly string[]).includes(name)
    if (!isKnown) mistakes.push(`${name} is no source; the sources are ${sourceNames.join(', ')}`)
    return isKnown
  })
  const from =
    values.run === undefined ? liveSystem(values, env, mistakes) : { recorded: values.run }
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return {
    from,
    json: values.json ?? false,
    mayBeEmpty,
    paysDirectly: values['pays-directly'] ?? false,
    ...(values.sometimes ? { sometimes: values.sometimes } : {}),
    ...(values.save === undefined ? {} : { saveTo: values.save }),
  }
}

function liveSystem(
  values: Flags,
  env: Readonly<Record<string, string | undefined>>,
  mistakes: string[],
): { sources: Sources; deadlineMs: number } {
  const need = (name: string, value: string | undefined): string => {
    if (!value) mistakes.push(`${name} is missing (or --run <dir>)`)
    return value ?? ''
  }
  const flag = (name: 'mail-log' | 'listings-url' | 'brokers' | 'provider-log') =>
    need(`--${name}`, values[name])
  const variable = (name: string) => need(name, env[name])
  const text = values['deadline-seconds'] ?? String(defaultDeadlineSeconds)
  // `Number` would accept an empty text, `0x10`, `1e3` and ` 5`, too.
  const seconds = /^(?:0|[1-9]\d{0,8})(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN
  if (!(seconds >= 0)) mistakes.push('--deadline-seconds must be a number of seconds')
  const { prefix, history, 'fault-log': faultLog, 'provider-url': providerUrl } = values
  return {
    deadlineMs: Number(seconds) * 1_000,
    sources: {
      provider: providerUrl === undefined ? { providerLog: flag('provider-log') } : { providerUrl },
      mailLog: flag('mail-log'),
      listingsUrl: flag('listings-url'),
      databases: {
        payments: variable('PAYMENTS_DATABASE_URL'),
        listings: variable('LISTINGS_DATABASE_URL'),
        notifications: variable('NOTIFICATIONS_DATABASE_URL'),
      },
      kafka: { brokers: flag('brokers'), ...(prefix === undefined ? {} : { prefix }) },
      ...(history ? { historyFiles: history } : {}),
      ...(faultLog === undefined ? {} : { faultLog }),
    },
  }
}
