import type { LinkView, ProcessView } from '../../src/snapshot.ts'

/** How something is, as a word and as a class. The word is always shown beside the colour. */
export type Health = Readonly<{ word: string; tone: 'good' | 'bad' | 'busy' | 'unknown' }>

export function healthOf(process: ProcessView | undefined, isFaulty: boolean): Health {
  if (process === undefined) return { word: 'not seen', tone: 'unknown' }
  if (isFaulty) return { word: process.state === 'ready' ? 'faulty' : process.state, tone: 'bad' }
  if (process.state === 'ready') return { word: 'ready', tone: 'good' }
  return { word: process.state, tone: process.state === 'starting' ? 'busy' : 'bad' }
}

export function healthOfLink(link: LinkView | undefined): Health {
  if (link === undefined) return { word: 'not seen', tone: 'unknown' }
  if (!link.isUp) return { word: 'down', tone: 'bad' }
  if (link.toxics.length > 0) return { word: link.toxics.join(', '), tone: 'bad' }
  if (link.breaker === 1) return { word: 'breaker open', tone: 'bad' }
  if (link.breaker === 0.5) return { word: 'breaker half open', tone: 'busy' }
  return { word: 'up', tone: 'good' }
}

/** A number that is short enough for a label. */
export function short(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value))
  if (value >= 10) return value.toFixed(1)
  return value.toFixed(2).replace(/0$/, '')
}
