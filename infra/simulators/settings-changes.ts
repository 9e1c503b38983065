import { isDeepStrictEqual } from 'node:util'
import type { SettingNote } from './fault-log-client.ts'

/** A fault by itself, something that only shapes one, or neither (where chance begins). */
export type SettingRole<Name> = 'fault' | 'setting' | Readonly<{ shapes: Name }>

/** Which setting is a fault. Every setting must say. */
export type SettingRoles<Settings> = Readonly<Record<keyof Settings, SettingRole<keyof Settings>>>

/** What the notes about settings depend on. `party` goes before the name of each setting. */
export type SettingTable<Settings extends object> = Readonly<{
  party: string
  atRest: Settings
  roles: SettingRoles<Settings>
}>

/** The faults that begin, change or end when the settings go from one setting to another. */
export function settingChanges<Settings extends object>(
  table: SettingTable<Settings>,
  from: Settings,
  to: Settings,
): SettingNote[] {
  return faultSettings(table).flatMap((setting): SettingNote[] => {
    const rest = table.atRest[setting]
    const [was, is] = [detailsOf(table, from, setting), detailsOf(table, to, setting)]
    const [wasOn, isOn] = [from[setting] !== rest, to[setting] !== rest]
    if ((!wasOn && !isOn) || isDeepStrictEqual(was, is)) return []
    const action = !wasOn ? 'begin' : isOn ? 'change' : 'end'
    return [{ action, name: nameOf(table, setting), details: is }]
  })
}

/** Whether a change names a fault at all: only then is the log of faults needed for it. */
export function touchesFault<Settings extends object>(
  table: SettingTable<Settings>,
  change: Partial<Settings>,
): boolean {
  return faultSettings(table).some(setting => setting in change)
}

/** What the log needs to be told so that it says what the settings say. */
export function settingDifferences<Settings extends object>(
  table: SettingTable<Settings>,
  open: ReadonlyMap<string, unknown>,
  settings: Settings,
): SettingNote[] {
  return faultSettings(table).flatMap((setting): SettingNote[] => {
    const name = nameOf(table, setting)
    const details = detailsOf(table, settings, setting)
    const isOn = settings[setting] !== table.atRest[setting]
    if (!open.has(name)) return isOn ? [{ action: 'begin', name, details }] : []
    if (!isOn) return [{ action: 'end', name, details }]
    const isSame = open.get(name) === settings[setting]
    return isSame ? [] : [{ action: 'change', name, details }]
  })
}

function faultSettings<Settings extends object>({
  roles,
}: SettingTable<Settings>): (keyof Settings)[] {
  return keysOf(roles).filter(setting => roles[setting] === 'fault')
}

function nameOf<Settings extends object>(
  { party }: SettingTable<Settings>,
  setting: keyof Settings,
): string {
  return `${party}/${String(setting)}`
}

function detailsOf<Settings extends object>(
  { roles }: SettingTable<Settings>,
  settings: Settings,
  setting: keyof Settings,
): Record<string, unknown> {
  const shaping = keysOf(roles).filter(each => {
    const role = roles[each]
    return typeof role === 'object' && role.shapes === setting
  })
  const shapes = shaping.map(each => [each, settings[each]])
  return { value: settings[setting], ...Object.fromEntries(shapes) }
}

function keysOf<Settings extends object>(roles: SettingRoles<Settings>): (keyof Settings)[] {
  return Object.keys(roles) as (keyof Settings)[]
}
