import type { LiveToxic } from './live-toxic.ts'
import type { Ending, Held, Outlet, Stage } from './stage.ts'

/** The toxics of one direction of one connection, one behind the other. */
export type Chain = Readonly<{
  push: (chunk: Buffer) => void
  end: (ending: Ending) => void
  /** The toxic comes last, if its random number says that it takes this connection. */
  add: (toxic: LiveToxic) => void
  /** The toxic has changed: what it holds goes through it anew. */
  change: (toxic: LiveToxic) => void
  /** The toxic goes: what it held moves on at once. */
  remove: (toxic: LiveToxic) => void
  /** True when every chunk goes straight to the outlet. */
  isEmpty: () => boolean
  heldBytes: () => number
  /** How much the toxics may hold beyond what every link may. */
  roomBytes: () => number
  /** Forgets what is held and stops all timers. */
  stop: () => void
}>

type Place = Readonly<{ toxic: LiveToxic; drawn: number; stage: Stage }>

/**
 * An empty chain. It ends the outlet once, whatever its toxics do afterwards. Only after a FIN may a
 * cut follow, because a peer that has sent its FIN can still be reset later.
 */
export function openChain(outlet: Outlet): Chain {
  /** Every toxic in order, also those that do not take this connection. */
  let places: Place[] = []
  /** The stages of the toxics that take this connection. */
  let active: Stage[] = []
  let ended: Ending | undefined

  function passAt(position: number, chunk: Buffer): void {
    const stage = active[position]
    if (stage === undefined) outlet.pass(chunk)
    else stage.push(chunk)
  }

  function endAt(position: number, ending: Ending): void {
    const stage = active[position]
    if (stage !== undefined) {
      stage.end(ending)
    } else if (ended === undefined || (ended === 'finish' && ending !== 'finish')) {
      ended = ending
      outlet.end(ending)
    }
  }

  function refill(position: number, { chunks, ending }: Held): void {
    for (const chunk of chunks) passAt(position, chunk)
    if (ending !== undefined) endAt(position, ending)
  }

  function openPlace(toxic: LiveToxic): Place {
    const stage: Stage = toxic.openStage({
      pass: chunk => passAt(active.indexOf(stage) + 1, chunk),
      end: ending => endAt(active.indexOf(stage) + 1, ending),
    })
    return { toxic, drawn: toxic.draw(), stage }
  }

  function activate({ stage }: Place): void {
    active = places.map(place => place.stage).filter(s => s === stage || active.includes(s))
    stage.start?.()
  }

  function deactivate({ stage }: Place): void {
    const position = active.indexOf(stage)
    active = active.filter(other => other !== stage)
    refill(position, stage.release())
    if (stage.endsWhenRemoved !== undefined) endAt(position, stage.endsWhenRemoved)
  }

  function restart(stage: Stage, position: number): void {
    const held = stage.release()
    stage.start?.()
    refill(position, held)
  }

  return {
    push: chunk => passAt(0, chunk),
    end: ending => endAt(0, ending),
    add(toxic) {
      const place = openPlace(toxic)
      places.push(place)
      if (ended === undefined && takes(place)) activate(place)
    },
    change(toxic) {
      const place = places.find(each => each.toxic === toxic)
      if (place === undefined || ended !== undefined) return
      const position = active.indexOf(place.stage)
      if (position === -1) {
        if (takes(place)) activate(place)
      } else if (takes(place)) {
        restart(place.stage, position)
      } else {
        deactivate(place)
      }
    },
    remove(toxic) {
      const place = places.find(each => each.toxic === toxic)
      if (place === undefined) return
      places = places.filter(other => other !== place)
      if (active.includes(place.stage)) deactivate(place)
    },
    isEmpty: () => active.length === 0,
    heldBytes: () => active.reduce((sum, stage) => sum + stage.heldBytes(), 0),
    roomBytes: () => active.reduce((sum, stage) => sum + (stage.roomBytes ?? 0), 0),
    stop() {
      ended = 'reset'
      for (const { stage } of places) stage.release()
    },
  }
}

/** A connection keeps its number, so a higher toxicity only ever takes more connections. */
function takes({ drawn, toxic }: Place): boolean {
  return drawn < toxic.read().toxicity
}
