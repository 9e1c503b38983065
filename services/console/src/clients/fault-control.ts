import { healThing } from '@nightshift/faults/injector/heal-thing'
import { type InjectedFault, injectFault } from '@nightshift/faults/injector/inject-fault'
import type { Injector } from '@nightshift/faults/injector/injector'
import {
  type FaultTargets,
  type Flags,
  type Mistake,
  parseFault,
} from '@nightshift/faults/injector/parse-fault'
import type { InjectorTarget, TargetName } from '@nightshift/faults/injector/target'
import { targetsOf } from '@nightshift/faults/injector/targets-of'
import { limits } from '../limits.ts'

export type FaultRequest = Readonly<{
  /** The words after `npm run break --`: the thing, and what is to happen to it. */
  words: readonly string[]
  flags: Flags
  /** It is healed by itself after this. */
  expiresInMs: number
}>

/** What was done, in words. */
export type Injected = Omit<InjectedFault, 'heal'> & Readonly<{ thing?: string; healsAt?: number }>

export type FaultControl = Readonly<{
  targets: () => Promise<FaultTargets>
  inject: (request: FaultRequest) => Promise<Injected | Mistake>
  /** One thing, or everything. Answers what was healed. */
  heal: (thing?: string) => Promise<readonly string[] | Mistake>
  /** When a thing heals by itself, in milliseconds since 1970: with the last of its faults. */
  healsAt: (thing: string) => number | undefined
  /** Heals what would have healed by itself later. */
  close: () => Promise<void>
}>

type Running = Readonly<{
  injector: Injector
  target: InjectorTarget
  processes: () => Promise<readonly TargetName[]>
}>

type Expiry = Readonly<{ at: number; timer: NodeJS.Timeout }>

/**
 * Breaks the system and heals it, as `npm run break` and `npm run heal` do. Each fault that lasts heals
 * by itself, because the page may be closed and the fault forgotten. A thing with several faults heals as
 * a whole, when the last of them is due. Undoing them one by one would be wrong: the undo of a second
 * change of a setting brings back the first change, and not the usual value.
 * @param onError hears of a fault that could not be healed in time
 */
export function openFaultControl(
  running: Running,
  onError: (error: unknown) => void,
): FaultControl {
  const expiries = new Map<string, Expiry>()

  async function now() {
    return { ...running, processes: await running.processes() }
  }

  function forget(thing: string): void {
    clearTimeout(expiries.get(thing)?.timer)
    expiries.delete(thing)
  }

  async function healNow(thing: string): Promise<readonly string[]> {
    const healed = await healThing(await now(), thing)
    if ('mistake' in healed) throw new Error(healed.mistake)
    return healed
  }

  function expire(thing: string, inMs: number): number {
    const at = Math.max(Date.now() + inMs, expiries.get(thing)?.at ?? 0)
    forget(thing)
    const timer = setTimeout(() => {
      expiries.delete(thing)
      healNow(thing).catch(onError)
    }, at - Date.now())
    expiries.set(thing, { at, timer })
    return at
  }

  return {
    targets: async () => targetsOf(await now()),
    async inject({ words, flags, expiresInMs }) {
      const fault = parseFault(words, flags, await targetsOf(await now()))
      if ('mistake' in fault) return fault
      if (expiries.size >= limits.faults.timersMax) return { mistake: 'Heal something first.' }
      const { heal, ...said } = await injectFault(running.injector, fault)
      if (heal === undefined) return said
      const { thing } = heal
      return { ...said, thing, healsAt: expire(thing, expiresInMs) }
    },
    async heal(thing) {
      if (thing === undefined) {
        for (const each of [...expiries.keys()]) forget(each)
        return running.injector.healAll()
      }
      const healed = await healThing(await now(), thing)
      if (!('mistake' in healed)) forget(thing.split('/')[0] ?? thing)
      return healed
    },
    healsAt: thing => expiries.get(thing)?.at,
    async close() {
      const left = [...expiries.keys()]
      for (const thing of left) forget(thing)
      await Promise.all(left.map(thing => healNow(thing).catch(onError)))
    },
  }
}
