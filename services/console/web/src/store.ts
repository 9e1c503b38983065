import { computed, signal } from '@preact/signals'
import { changeHeader } from '../../src/change-header.ts'
import { limits } from '../../src/limits.ts'
import {
  type Figures,
  type History,
  type ProcessView,
  type SeriesName,
  type Snapshot,
  seriesNames,
} from '../../src/snapshot.ts'

const changeHeaders = { 'content-type': 'application/json', [changeHeader]: '1' }

export const snapshot = signal<Snapshot | undefined>(undefined)
export const history = signal<History | undefined>(undefined)
/** Whether the page hears from the console itself. */
export const connection = signal<'connecting' | 'live' | 'lost'>('connecting')
/** The part of the address after `#`: the screen, and what is chosen on it. */
export const place = signal(readPlace())

export const openFaults = computed(() => snapshot.value?.faults ?? [])

/** The processes that are instances of this one: itself, and the second one behind HAProxy. */
export function instancesOf(name: string): readonly ProcessView[] {
  return (snapshot.value?.processes ?? []).filter(each => isInstanceOf(name, each.name))
}

export function isInstanceOf(name: string, process: string): boolean {
  return process === name || process === `${name}-2`
}

/** Begins to listen. The browser connects again by itself when the console was away. */
export function startListening(): void {
  window.addEventListener('hashchange', () => {
    place.value = readPlace()
  })
  const events = new EventSource('/api/events')
  events.addEventListener('history', event => {
    history.value = JSON.parse(event.data) as History
  })
  events.addEventListener('snapshot', event => {
    const latest = JSON.parse(event.data) as Snapshot
    connection.value = 'live'
    snapshot.value = latest
    history.value = extended(history.value, latest.at, latest.figures)
  })
  events.addEventListener('error', () => {
    connection.value = 'lost'
  })
}

function readPlace(): readonly string[] {
  return decodeURIComponent(location.hash.replace(/^#\/?/, '')).split('/')
}

function extended(before: History | undefined, at: number, figures: Figures): History {
  const from = before ?? { at: [], figures: {} as History['figures'] }
  if (from.at.at(-1) === at) return from
  const add = <Item>(all: readonly Item[] = [], item: Item) =>
    [...all, item].slice(-limits.observe.momentsMax)
  return {
    at: add(from.at, at),
    figures: Object.fromEntries(
      seriesNames.map(name => [name, add(from.figures[name], figures[name])]),
    ) as Record<SeriesName, (number | null)[]>,
  }
}

/** Asks the console for something. @throws with the console's reason when it refuses */
export async function ask<Answer>(path: string, body?: object): Promise<Answer> {
  const answer = await fetch(`/api${path}`, {
    ...(body && { method: 'POST', headers: changeHeaders, body: JSON.stringify(body) }),
  })
  const json = (await answer.json()) as Answer & { error?: string }
  if (!answer.ok) throw new Error(json.error ?? `the console answered ${answer.status}`)
  return json
}
