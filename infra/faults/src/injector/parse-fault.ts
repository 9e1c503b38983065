import { nearestNames } from '@nightshift/local/nearest-names'
import { wholeNumberIn } from '@nightshift/local/read-number'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import {
  attributeNames,
  streams,
  type ToxicRequest,
  type ToxicType,
  toxicTypes,
} from '../proxy/toxic.ts'
import type { FaultSettings } from './simulator-faults.ts'
import { type SimulatorName, simulatorNames, type TargetName } from './target.ts'

/** One fault that a person asks for. */
export type Fault =
  | Readonly<{ kind: ProcessFaultKind; process: TargetName }>
  | Readonly<{ kind: 'flush' }>
  | Readonly<{ kind: 'kill-backend'; of: ServiceName }>
  | Readonly<{ kind: 'down'; link: string }>
  | Readonly<{ kind: 'toxic'; link: string; toxic: ToxicRequest & { name: string } }>
  | Readonly<{ kind: 'setting'; simulator: SimulatorName; change: FaultSettings }>

/** Why the words name no fault, for the person who typed them. */
export type Mistake = Readonly<{ mistake: string }>

/** Everything of the running system that can have a fault. */
export type FaultTargets = Readonly<{
  processes: readonly TargetName[]
  links: readonly string[]
  /** The settings have their present values. */
  settings: Readonly<Partial<Record<SimulatorName, FaultSettings>>>
}>

export type Flags = Readonly<Record<string, string | boolean | undefined>>

export const processFaultKinds = ['kill', 'restart', 'freeze', 'stop'] as const
type ProcessFaultKind = (typeof processFaultKinds)[number]
/** Faults that only one part can have. */
const partFaultKinds: Readonly<Partial<Record<TargetName, 'flush' | 'kill-backend'>>> = {
  redis: 'flush',
  postgres: 'kill-backend',
}

/** Without this attribute the toxic does nothing, or is refused. */
const neededAttributes: Readonly<Partial<Record<ToxicType, string>>> = {
  latency: 'latency',
  slow_close: 'delay',
  slicer: 'average_size',
  limit_data: 'bytes',
}
const toxicFlags = ['stream', 'toxicity']

/** `average_size` is typed as --average-size. */
export function flagOf(attribute: string): string {
  return attribute.replaceAll('_', '-')
}

/** The attributes of all toxics, as flags. */
export const attributeFlags: readonly string[] = [
  ...new Set(toxicTypes.flatMap(attributeNames)),
].map(flagOf)

/** The fault that `npm run break -- <words> <flags>` asks for. */
export function parseFault(
  words: readonly string[],
  flags: Flags,
  targets: FaultTargets,
): Fault | Mistake {
  const [thing = '', ...rest] = words
  const process = targets.processes.find(name => name === thing)
  const isLink = targets.links.includes(thing)
  if (process === undefined && !isLink) {
    const names = [...targets.processes, ...targets.links]
    return unknown(`Nothing here is called ${thing}.`, thing, names)
  }
  const fault =
    process === undefined
      ? parseLinkFault(thing, rest, flags)
      : parseProcessFault(process, rest, flags, targets)
  if ('mistake' in fault) return fault
  const allowed = flagsOf(fault)
  const idle = Object.keys(flags).find(flag => flags[flag] !== undefined && !allowed.includes(flag))
  if (idle === undefined) return fault
  const what = fault.kind === 'toxic' ? fault.toxic.type : fault.kind
  return { mistake: `--${idle} means nothing to ${what}.` }
}

function flagsOf(fault: Fault): readonly string[] {
  if (fault.kind === 'kill-backend') return ['of']
  if (fault.kind !== 'toxic') return []
  return [...toxicFlags, ...attributeNames(fault.toxic.type).map(flagOf)]
}

function parseProcessFault(
  process: TargetName,
  rest: readonly string[],
  flags: Flags,
  targets: FaultTargets,
): Fault | Mistake {
  const simulator = simulatorNames.find(name => name === process)
  const settings = simulator && targets.settings[simulator]
  if (simulator && settings && rest[0]?.includes('=')) {
    return parseSettings(simulator, settings, rest)
  }
  const [word = '', ...more] = rest
  const kinds = [...processFaultKinds, partFaultKinds[process] ?? []].flat()
  const kind = kinds.find(name => name === word)
  if (kind === undefined || more.length > 0) {
    const settingWords = Object.keys(settings ?? {}).map(name => `${name}=`)
    return unknown(noFault(process, rest), word, [...kinds, ...settingWords])
  }
  if (kind === 'flush') return { kind }
  if (kind !== 'kill-backend') return { kind, process }
  const of = serviceNames.find(name => name === flags['of'])
  if (of) return { kind, of }
  return { mistake: `Whose session? --of ${serviceNames.join(', --of ')}` }
}

function parseSettings(
  simulator: SimulatorName,
  settings: FaultSettings,
  words: readonly string[],
): Fault | Mistake {
  const change: Record<string, unknown> = {}
  for (const word of words) {
    const [, name = word, text = ''] = /^([^=]*)=(.+)$/.exec(word) ?? []
    if (!(name in settings)) {
      return unknown(`${simulator} has no setting ${name}.`, name, Object.keys(settings))
    }
    const value = valueLike(settings[name], text)
    if (value === undefined) {
      return { mistake: `${name} is ${JSON.stringify(settings[name])} now; ${word} does not fit.` }
    }
    change[name] = value
  }
  return { kind: 'setting', simulator, change }
}

/** A decimal number in full. `Number` would also take `0x10`, `1e3`, ` 5` and an empty text. */
const decimal = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$/

/** The text as a value of the type that the setting has now; undefined when it is none. */
function valueLike(now: unknown, text: string): unknown {
  if (typeof now === 'number') return decimal.test(text) ? Number(text) : undefined
  if (typeof now === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  return text === '' ? undefined : text
}

function parseLinkFault(link: string, rest: readonly string[], flags: Flags): Fault | Mistake {
  const [word = '', ...more] = rest
  if (word === 'down' && more.length === 0) return { kind: word, link }
  const type = toxicTypes.find(name => name === word)
  if (type === undefined || more.length > 0) {
    return unknown(noFault(link, rest), word, ['down', ...toxicTypes])
  }
  const stream = streams.find(name => name === (flags['stream'] ?? 'downstream'))
  if (!stream) return { mistake: `--stream is ${streams.join(' or ')}.` }
  const share = String(flags['toxicity'] ?? '1')
  const toxicity = decimal.test(share) ? Number(share) : Number.NaN
  if (!(toxicity > 0 && toxicity <= 1)) {
    return { mistake: '--toxicity is the share of connections it takes, above 0 and at most 1.' }
  }
  const attributes = parseAttributes(type, flags)
  if ('mistake' in attributes) return { mistake: String(attributes['mistake']) }
  const toxic = { type, name: `${type}_${stream}`, stream, toxicity, attributes }
  return { kind: 'toxic', link, toxic: toxic as ToxicRequest & { name: string } }
}

function parseAttributes(type: ToxicType, flags: Flags): Record<string, number> | Mistake {
  const attributes: Record<string, number> = {}
  for (const name of attributeNames(type)) {
    const text = flags[flagOf(name)]
    if (text === undefined) continue
    const amount = wholeNumberIn(text)
    if (amount === undefined) return { mistake: `--${flagOf(name)} is a whole number.` }
    attributes[name] = amount
  }
  const needed = neededAttributes[type]
  if (needed === undefined || attributes[needed] !== undefined) return attributes
  return { mistake: `${type} does nothing without --${flagOf(needed)}.` }
}

function noFault(thing: string, rest: readonly string[]): string {
  return rest.length === 0
    ? `Which fault should ${thing} have?`
    : `${rest.join(' ')} is no fault that ${thing} can have.`
}

/** Adds the nearest names, or all of them when none is near. */
function unknown(message: string, typed: string, names: readonly string[]): Mistake {
  const near = nearestNames(typed, names)
  return {
    mistake:
      near.length > 0
        ? `${message} Did you mean ${near.join(', ')}?`
        : `${message} There is ${names.join(', ')}.`,
  }
}

const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const

/** Reads `500ms`, `10s`, `1.5m` into ms. @throws a message for a person beyond `maxMs` or for anything else */
export function readDuration(name: string, text: string, maxMs: number): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  const ms = Number(amount) * unitsMs[unit as keyof typeof unitsMs]
  if (ms > 0 && ms <= maxMs) return ms
  throw new Error(`${name} must be like 500ms, 10s or 2m, and at most ${maxMs / unitsMs.m}m`)
}
