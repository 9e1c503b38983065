import { isDeepStrictEqual } from 'node:util'
import type { DialNote } from './fault-log-client.ts'

/** A fault by itself, something that only shapes one, or neither (where chance begins). */
export type DialRole<Name> = 'fault' | 'setting' | Readonly<{ shapes: Name }>

/** Which dial is a fault. Every dial must say. */
export type DialRoles<Settings> = Readonly<Record<keyof Settings, DialRole<keyof Settings>>>

/** What the notes about dials depend on. `party` goes before the name of each dial. */
export type DialTable<Settings extends object> = Readonly<{
  party: string
  atRest: Settings
  roles: DialRoles<Settings>
}>

/** The faults that begin, change or end when the dials go from one setting to another. */
export function dialMoves<Settings extends object>(
  table: DialTable<Settings>,
  from: Settings,
  to: Settings,
): DialNote[] {
  return faultDials(table).flatMap((dial): DialNote[] => {
    const rest = table.atRest[dial]
    const [was, is] = [detailsOf(table, from, dial), detailsOf(table, to, dial)]
    const [wasOn, isOn] = [from[dial] !== rest, to[dial] !== rest]
    if ((!wasOn && !isOn) || isDeepStrictEqual(was, is)) return []
    const action = !wasOn ? 'begin' : isOn ? 'change' : 'end'
    return [{ action, name: nameOf(table, dial), details: is }]
  })
}

/** Whether a change names a fault at all: only then is the log of faults needed for it. */
export function touchesFault<Settings extends object>(
  table: DialTable<Settings>,
  change: Partial<Settings>,
): boolean {
  return faultDials(table).some(dial => dial in change)
}

/** What the log needs to be told so that it says what the dials say. */
export function dialDifferences<Settings extends object>(
  table: DialTable<Settings>,
  open: ReadonlyMap<string, unknown>,
  settings: Settings,
): DialNote[] {
  return faultDials(table).flatMap((dial): DialNote[] => {
    const name = nameOf(table, dial)
    const details = detailsOf(table, settings, dial)
    const isOn = settings[dial] !== table.atRest[dial]
    if (!open.has(name)) return isOn ? [{ action: 'begin', name, details }] : []
    if (!isOn) return [{ action: 'end', name, details }]
    const isSame = open.get(name) === settings[dial]
    return isSame ? [] : [{ action: 'change', name, details }]
  })
}

function faultDials<Settings extends object>({ roles }: DialTable<Settings>): (keyof Settings)[] {
  return keysOf(roles).filter(dial => roles[dial] === 'fault')
}

function nameOf<Settings extends object>(
  { party }: DialTable<Settings>,
  dial: keyof Settings,
): string {
  return `${party}/${String(dial)}`
}

function detailsOf<Settings extends object>(
  { roles }: DialTable<Settings>,
  settings: Settings,
  dial: keyof Settings,
): Record<string, unknown> {
  const shaping = keysOf(roles).filter(each => {
    const role = roles[each]
    return typeof role === 'object' && role.shapes === dial
  })
  const shapes = shaping.map(each => [each, settings[each]])
  return { value: settings[dial], ...Object.fromEntries(shapes) }
}

function keysOf<Settings extends object>(roles: DialRoles<Settings>): (keyof Settings)[] {
  return Object.keys(roles) as (keyof Settings)[]
}
