import { isDeepStrictEqual } from 'node:util'
import type { SettingNote } from './fault-log-client.ts'

/** A setting is a fault by itself, refines the fault of another setting, or is neither. */
export type SettingRole<Name> = 'fault' | 'no-fault' | Readonly<{ refines: Name }>

/** Describes the settings of one simulator to the fault log. */
export type SettingTable<Settings extends object> = Readonly<{
  /** Stands before the name of each setting, as in `card-provider/silence`. */
  simulator: string
  defaults: Settings
  roles: Readonly<Record<keyof Settings, SettingRole<keyof Settings>>>
}>

/** Lists the faults that begin, change or end when the settings change from one state to another. */
export function notesOfChange<Settings extends object>(
  table: SettingTable<Settings>,
  from: Settings,
  to: Settings,
): SettingNote[] {
  return faultNames(table).flatMap((name): SettingNote[] => {
    const byDefault = table.defaults[name]
    const [wasOn, isOn] = [from[name] !== byDefault, to[name] !== byDefault]
    const [before, details] = [detailsOf(table, from, name), detailsOf(table, to, name)]
    if ((!wasOn && !isOn) || isDeepStrictEqual(before, details)) return []
    const action = !wasOn ? 'begin' : isOn ? 'change' : 'end'
    return [{ action, name: fullName(table, name), details }]
  })
}

/** Lists the notes that the fault log lacks, given the faults of settings that are open there. */
export function missingNotes<Settings extends object>(
  table: SettingTable<Settings>,
  open: ReadonlyMap<string, unknown>,
  settings: Settings,
): SettingNote[] {
  return faultNames(table).flatMap((setting): SettingNote[] => {
    const name = fullName(table, setting)
    const details = detailsOf(table, settings, setting)
    const isOn = settings[setting] !== table.defaults[setting]
    if (!open.has(name)) return isOn ? [{ action: 'begin', name, details }] : []
    if (!isOn) return [{ action: 'end', name, details }]
    const isSame = open.get(name) === settings[setting]
    return isSame ? [] : [{ action: 'change', name, details }]
  })
}

/** Tells whether a change names a fault. Only such a change needs the fault log. */
export function namesFault<Settings extends object>(
  table: SettingTable<Settings>,
  change: Partial<Settings>,
): boolean {
  return faultNames(table).some(name => name in change)
}

function faultNames<Settings extends object>({
  roles,
}: SettingTable<Settings>): (keyof Settings)[] {
  return keysOf(roles).filter(name => roles[name] === 'fault')
}

function fullName<Settings extends object>(
  { simulator }: SettingTable<Settings>,
  name: keyof Settings,
): string {
  return `${simulator}/${String(name)}`
}

function detailsOf<Settings extends object>(
  { roles }: SettingTable<Settings>,
  settings: Settings,
  name: keyof Settings,
): Record<string, unknown> {
  const refining = keysOf(roles).filter(other => {
    const role = roles[other]
    return typeof role === 'object' && role.refines === name
  })
  const refined = refining.map(other => [other, settings[other]])
  return { value: settings[name], ...Object.fromEntries(refined) }
}

function keysOf<Settings extends object>(
  roles: SettingTable<Settings>['roles'],
): (keyof Settings)[] {
  return Object.keys(roles) as (keyof Settings)[]
}
