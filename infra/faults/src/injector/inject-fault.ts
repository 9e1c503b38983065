import type { Stream, ToxicRequest, ToxicType } from '../proxy/toxic.ts'
import type { Injector } from './injector.ts'
import type { Break } from './parse-fault.ts'
import type { FaultSettings } from './simulator-faults.ts'
import type { Back } from './target.ts'

/** What was broken, in words for the person who did it. */
export type Broken = Readonly<{
  did: string
  /** How it will show. */
  shows: string
  /** What `npm run heal` calls it, and what heals this one thing. Absent: it is over. */
  heal?: Readonly<{ thing: string; undo: () => Promise<unknown> }>
}>

/** Breaks one thing and tells about it. Waits for what comes back by itself. */
export async function doBreak(injector: Injector, wanted: Break): Promise<Broken> {
  switch (wanted.verb) {
    case 'flush':
      await injector.flushRedis()
      return { did: 'Emptied Redis.', shows: 'What was cached is read from PostgreSQL again.' }
    case 'kill-backend': {
      const back = await injector.killBackend(wanted.of)
      const did = `Killed a session of ${wanted.of} at PostgreSQL, which served again ${after(back)}.`
      return { did, shows: 'All sessions of all services were ended; their pools connect anew.' }
    }
    case 'down': {
      const { link } = wanted
      await injector.down(link)
      const heal = { thing: link, undo: () => injector.up(link) }
      const shows = 'Its connections are closed, and new ones are not accepted.'
      return { did: `Took the link ${link} down.`, shows, heal }
    }
    case 'toxic': {
      const { link, toxic } = wanted
      await injector.toxic(link, toxic)
      const heal = { thing: link, undo: () => injector.heal(link, toxic.name) }
      return { did: `Put ${toxic.name} on the link ${link}.`, shows: showsOf(toxic), heal }
    }
    case 'setting': {
      const { board, change } = wanted
      const before = await injector.setting(board, change)
      const heal = { thing: board, undo: () => injector.setting(board, before) }
      const shows = `GET /settings of ${board} tells all its settings, and its README what they do.`
      return { did: `Turned ${inWords(change)} at ${board}.`, shows, heal }
    }
    default:
      return doProcessBreak(injector, wanted)
  }
}

async function doProcessBreak(
  injector: Injector,
  { verb, process }: Extract<Break, { process: unknown }>,
): Promise<Broken> {
  switch (verb) {
    case 'kill': {
      const back = await injector.kill(process)
      const did = `Killed ${process} (SIGKILL). The supervisor had it ready again ${after(back)}.`
      return { did, shows: 'Whoever waited for its answer got none; `npm run status` counts it.' }
    }
    case 'restart': {
      const back = await injector.restart(process)
      const did = `Restarted ${process}, as a deploy does. It was ready again ${after(back)}.`
      return { did, shows: 'It finished what it had begun before it left.' }
    }
    case 'freeze': {
      await injector.freeze(process)
      const shows = 'It answers nothing and forgets nothing; `npm run status` soon says unready.'
      const heal = { thing: process, undo: () => injector.thaw(process) }
      return { did: `Froze ${process} (SIGSTOP).`, shows, heal }
    }
    case 'stop': {
      await injector.stop(process)
      const heal = { thing: process, undo: () => injector.start(process) }
      return { did: `Stopped ${process}.`, shows: 'Connections to it are refused.', heal }
    }
  }
}

/** `silence=after silenceRate=0.5` */
export function inWords(settings: FaultSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function after({ backAfterMs }: Back): string {
  return `after ${(backAfterMs / 1000).toFixed(1)} s`
}

const carried: Readonly<Record<Stream, string>> = { upstream: 'Requests', downstream: 'Answers' }
const effects: Readonly<Record<ToxicType, string>> = {
  latency: 'come late',
  bandwidth: 'trickle',
  slow_close: 'come in time, and their connections close late',
  timeout: 'vanish: whoever waits has to give up by himself',
  reset_peer: 'are cut off by a reset',
  slicer: 'come in small pieces',
  limit_data: 'are cut off after so many bytes',
}

function showsOf({ type, stream = 'downstream', toxicity = 1, attributes = {} }: ToxicRequest) {
  const share = toxicity === 1 ? '' : ` on ${Math.round(toxicity * 100)} of 100 connections`
  const how = inWords(attributes)
  return `${carried[stream]} ${effects[type]}${share}${how === '' ? '' : ` (${how})`}.`
}
