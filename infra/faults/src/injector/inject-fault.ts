import type { Stream, ToxicRequest, ToxicType } from '../proxy/toxic.ts'
import type { Injector } from './injector.ts'
import type { Fault } from './parse-fault.ts'
import type { FaultSettings } from './simulator-faults.ts'
import type { RecoveryTime } from './target.ts'

/** An injected fault in words, for the person who asked for it. */
export type InjectedFault = Readonly<{
  did: string
  /** How it will show. */
  shows: string
  /** The name that `npm run heal` takes, and the call that heals this fault. Absent: it is over. */
  heal?: Readonly<{ thing: string; undo: () => Promise<unknown> }>
}>

/** Injects one fault. Waits for the recovery when the target recovers by itself. */
export async function injectFault(injector: Injector, fault: Fault): Promise<InjectedFault> {
  switch (fault.kind) {
    case 'kill': {
      const { process } = fault
      const recovery = await injector.kill(process)
      return {
        did: `Killed ${process} (SIGKILL). The supervisor had it ready again ${after(recovery)}.`,
        shows: 'Callers that waited for its answer got none; `npm run status` counts the restart.',
      }
    }
    case 'restart': {
      const { process } = fault
      const recovery = await injector.restart(process)
      return {
        did: `Restarted ${process}, as a deployment does. It was ready again ${after(recovery)}.`,
        shows: 'It finished the requests that it had begun before it stopped.',
      }
    }
    case 'freeze': {
      const { process } = fault
      await injector.freeze(process)
      return {
        did: `Froze ${process} (SIGSTOP).`,
        shows: 'It answers nothing and loses nothing; `npm run status` soon shows it as unready.',
        heal: { thing: process, undo: () => injector.thaw(process) },
      }
    }
    case 'stop': {
      const { process } = fault
      await injector.stop(process)
      return {
        did: `Stopped ${process}.`,
        shows: 'Connections to it are refused.',
        heal: { thing: process, undo: () => injector.start(process) },
      }
    }
    case 'flush':
      await injector.flushRedis()
      return { did: 'Emptied Redis.', shows: 'Cached values are read from PostgreSQL again.' }
    case 'kill-backend': {
      const recovery = await injector.killBackend(fault.of)
      return {
        did: `Killed a session of ${fault.of} at PostgreSQL, which served again ${after(recovery)}.`,
        shows: 'All sessions of all services were ended; their pools connect anew.',
      }
    }
    case 'down': {
      const { link } = fault
      await injector.takeDown(link)
      return {
        did: `Took the link ${link} down.`,
        shows: 'Its connections are closed, and new ones are not accepted.',
        heal: { thing: link, undo: () => injector.bringUp(link) },
      }
    }
    case 'toxic': {
      const { link, toxic } = fault
      await injector.addToxic(link, toxic)
      return {
        did: `Added ${toxic.name} to the link ${link}.`,
        shows: effectOf(toxic),
        heal: { thing: link, undo: () => injector.removeToxics(link, toxic.name) },
      }
    }
    case 'setting': {
      const { simulator, change } = fault
      const before = await injector.changeSettings(simulator, change)
      return {
        did: `Set ${inWords(change)} at ${simulator}.`,
        shows: `GET /settings of ${simulator} lists all its settings, and its README explains them.`,
        heal: { thing: simulator, undo: () => injector.changeSettings(simulator, before) },
      }
    }
  }
}

/** `silence=after silenceRate=0.5` */
export function inWords(settings: FaultSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function after({ recoveredAfterMs }: RecoveryTime): string {
  return `after ${(recoveredAfterMs / 1000).toFixed(1)} s`
}

const carried: Readonly<Record<Stream, string>> = { upstream: 'Requests', downstream: 'Answers' }
const effects: Readonly<Record<ToxicType, string>> = {
  latency: 'arrive late',
  bandwidth: 'arrive slowly',
  slow_close: 'arrive in time, and their connections close late',
  timeout: 'are lost: the caller waits until its own deadline',
  reset_peer: 'are cut off by a reset',
  slicer: 'arrive in small pieces',
  limit_data: 'are cut off after so many bytes',
}

function effectOf({ type, stream = 'downstream', toxicity = 1, attributes = {} }: ToxicRequest) {
  const share = toxicity === 1 ? '' : ` on ${Math.round(toxicity * 100)} of 100 connections`
  const how = inWords(attributes)
  return `${carried[stream]} ${effects[type]}${share}${how === '' ? '' : ` (${how})`}.`
}
