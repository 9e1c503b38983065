import type { Stream, ToxicRequest, ToxicType } from '../proxy/toxic.ts'
import type { Nemesis } from './injector.ts'
import type { Break } from './parse-fault.ts'
import type { DialSettings } from './simulator-faults.ts'
import type { Back } from './target.ts'

/** What was broken, in words for the person who did it. */
export type Broken = Readonly<{
  did: string
  /** How it will show. */
  shows: string
  /** What `npm run mend` calls it, and what mends this one thing. Absent: it is over. */
  mend?: Readonly<{ thing: string; undo: () => Promise<unknown> }>
}>

/** Breaks one thing and tells about it. Waits for what comes back by itself. */
export async function doBreak(nemesis: Nemesis, wanted: Break): Promise<Broken> {
  switch (wanted.verb) {
    case 'flush':
      await nemesis.flushRedis()
      return { did: 'Emptied Redis.', shows: 'What was cached is read from PostgreSQL again.' }
    case 'kill-backend': {
      const back = await nemesis.killBackend(wanted.of)
      const did = `Killed a session of ${wanted.of} at PostgreSQL, which served again ${after(back)}.`
      return { did, shows: 'All sessions of all services were ended; their pools connect anew.' }
    }
    case 'down': {
      const { link } = wanted
      await nemesis.down(link)
      const mend = { thing: link, undo: () => nemesis.up(link) }
      const shows = 'Its connections are closed, and new ones are not accepted.'
      return { did: `Took the link ${link} down.`, shows, mend }
    }
    case 'toxic': {
      const { link, toxic } = wanted
      await nemesis.toxic(link, toxic)
      const mend = { thing: link, undo: () => nemesis.heal(link, toxic.name) }
      return { did: `Put ${toxic.name} on the link ${link}.`, shows: showsOf(toxic), mend }
    }
    case 'dial': {
      const { board, change } = wanted
      const before = await nemesis.dial(board, change)
      const mend = { thing: board, undo: () => nemesis.dial(board, before) }
      const shows = `GET /dials of ${board} tells all its dials, and its README what they do.`
      return { did: `Turned ${inWords(change)} at ${board}.`, shows, mend }
    }
    default:
      return doProcessBreak(nemesis, wanted)
  }
}

async function doProcessBreak(
  nemesis: Nemesis,
  { verb, process }: Extract<Break, { process: unknown }>,
): Promise<Broken> {
  switch (verb) {
    case 'kill': {
      const back = await nemesis.kill(process)
      const did = `Killed ${process} (SIGKILL). The supervisor had it ready again ${after(back)}.`
      return { did, shows: 'Whoever waited for its answer got none; `npm run status` counts it.' }
    }
    case 'restart': {
      const back = await nemesis.restart(process)
      const did = `Restarted ${process}, as a deploy does. It was ready again ${after(back)}.`
      return { did, shows: 'It finished what it had begun before it left.' }
    }
    case 'freeze': {
      await nemesis.freeze(process)
      const shows = 'It answers nothing and forgets nothing; `npm run status` soon says unready.'
      const mend = { thing: process, undo: () => nemesis.thaw(process) }
      return { did: `Froze ${process} (SIGSTOP).`, shows, mend }
    }
    case 'stop': {
      await nemesis.stop(process)
      const mend = { thing: process, undo: () => nemesis.start(process) }
      return { did: `Stopped ${process}.`, shows: 'Connections to it are refused.', mend }
    }
  }
}

/** `silence=after silenceRate=0.5` */
export function inWords(settings: DialSettings): string {
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
