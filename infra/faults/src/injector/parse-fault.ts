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
import { type BreakableName, type SimulatorName, simulatorNames } from './target.ts'

/** One thing that somebody wants to be broken. */
export type Break =
  | Readonly<{ verb: ProcessVerb; process: BreakableName }>
  | Readonly<{ verb: 'flush' }>
  | Readonly<{ verb: 'kill-backend'; of: ServiceName }>
  | Readonly<{ verb: 'down'; link: string }>
  | Readonly<{ verb: 'toxic'; link: string; toxic: ToxicRequest & { name: string } }>
  | Readonly<{ verb: 'setting'; board: SimulatorName; change: FaultSettings }>

/** Why it can not be told what to break, in words for the person who typed it. */
export type Mistake = Readonly<{ mistake: string }>

/** What the system that runs consists of. */
export type Breakable = Readonly<{
  processes: readonly BreakableName[]
  links: readonly string[]
  /** As they are now. */
  settings: Readonly<Partial<Record<SimulatorName, FaultSettings>>>
}>

export type Flags = Readonly<Record<string, string | boolean | undefined>>

export const processVerbs = ['kill', 'restart', 'freeze', 'stop'] as const
type ProcessVerb = (typeof processVerbs)[number]
/** What can be done to one part and to no other process. */
const partVerbs: Readonly<Partial<Record<BreakableName, 'flush' | 'kill-backend'>>> = {
  redis: 'flush',
  postgres: 'kill-backend',
}

/** Toxics that do nothing, or are refused, until this is said. */
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

/** What `npm run break -- <words> <flags>` asks for. */
export function parseBreak(
  words: readonly string[],
  flags: Flags,
  breakable: Breakable,
): Break | Mistake {
  const [thing = '', ...rest] = words
  const process = breakable.processes.find(name => name === thing)
  const isLink = breakable.links.includes(thing)
  if (process === undefined && !isLink) {
    return unknown(`Nothing here is called ${thing}.`, thing, [
      ...breakable.processes,
      ...breakable.links,
    ])
  }
  const wanted =
    process === undefined
      ? parseLinkBreak(thing, rest, flags)
      : parseProcessBreak(process, rest, flags, breakable)
  if ('mistake' in wanted) return wanted
  const allowed = flagsOf(wanted)
  const idle = Object.keys(flags).find(flag => flags[flag] !== undefined && !allowed.includes(flag))
  if (idle === undefined) return wanted
  const what = wanted.verb === 'toxic' ? wanted.toxic.type : wanted.verb
  return { mistake: `--${idle} says nothing to ${what}.` }
}

function flagsOf(wanted: Break): readonly string[] {
  if (wanted.verb === 'kill-backend') return ['of']
  if (wanted.verb !== 'toxic') return []
  return [...toxicFlags, ...attributeNames(wanted.toxic.type).map(flagOf)]
}

function parseProcessBreak(
  process: BreakableName,
  rest: readonly string[],
  flags: Flags,
  breakable: Breakable,
): Break | Mistake {
  const board = simulatorNames.find(name => name === process)
  const settings = board && breakable.settings[board]
  if (board && settings && rest[0]?.includes('=')) return parseSettings(board, settings, rest)
  const [verb = '', ...more] = rest
  const known = [...processVerbs, partVerbs[process] ?? []].flat()
  const found = known.find(name => name === verb)
  if (found === undefined || more.length > 0) {
    const settingWords = Object.keys(settings ?? {}).map(name => `${name}=`)
    const said =
      rest.length === 0 ? `What is to happen to ${process}?` : notSomething(process, rest)
    return unknown(said, verb, [...known, ...settingWords])
  }
  if (found === 'flush') return { verb: found }
  if (found !== 'kill-backend') return { verb: found, process }
  const of = serviceNames.find(name => name === flags['of'])
  if (of) return { verb: found, of }
  return { mistake: `Whose session? --of ${serviceNames.join(', --of ')}` }
}

function parseSettings(
  board: SimulatorName,
  settings: FaultSettings,
  words: readonly string[],
): Break | Mistake {
  const change: Record<string, unknown> = {}
  for (const word of words) {
    const [, name = word, text = ''] = /^([^=]*)=(.+)$/.exec(word) ?? []
    if (!(name in settings)) {
      return unknown(`${board} has no setting ${name}.`, name, Object.keys(settings))
    }
    const value = valueLike(settings[name], text)
    if (value === undefined) {
      return { mistake: `${name} is ${JSON.stringify(settings[name])} now; ${word} does not fit.` }
    }
    change[name] = value
  }
  return { verb: 'setting', board, change }
}

/** A decimal number in full. `Number` would also take `0x10`, `1e3`, ` 5` and an empty text. */
const decimal = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$/

/** The text as the kind of value that the setting has now; undefined when it is none. */
function valueLike(now: unknown, text: string): unknown {
  if (typeof now === 'number') return decimal.test(text) ? Number(text) : undefined
  if (typeof now === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  return text === '' ? undefined : text
}

function parseLinkBreak(link: string, rest: readonly string[], flags: Flags): Break | Mistake {
  const [verb = '', ...more] = rest
  if (verb === 'down' && more.length === 0) return { verb, link }
  const type = toxicTypes.find(name => name === verb)
  if (type === undefined || more.length > 0) {
    const said = rest.length === 0 ? `What is to happen to ${link}?` : notSomething(link, rest)
    return unknown(said, verb, ['down', ...toxicTypes])
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
  return { verb: 'toxic', link, toxic: toxic as ToxicRequest & { name: string } }
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

function notSomething(thing: string, rest: readonly string[]): string {
  return `${rest.join(' ')} is nothing that can happen to ${thing}.`
}

/** With the nearest names, or all of them when none is near. */
function unknown(said: string, typed: string, names: readonly string[]): Mistake {
  const near = nearestNames(typed, names)
  return {
    mistake:
      near.length > 0
        ? `${said} Did you mean ${near.join(', ')}?`
        : `${said} There is ${names.join(', ')}.`,
  }
}
