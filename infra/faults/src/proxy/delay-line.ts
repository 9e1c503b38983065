import { limits } from '../limits.ts'
import type { Ending, Outlet, Stage } from './stage.ts'

/** The next departure: so many bytes of the oldest chunk, not before this time. */
export type Departure = Readonly<{ bytes: number; dueMs: number }>

/** When bytes leave a delay line. Times are those of `performance.now()`; Infinity is never. */
export type Timetable = Readonly<{
  /** `lastMs` is when the piece before was due; minus infinity for the first. */
  departure: (chunk: Buffer, arrivedMs: number, lastMs: number) => Departure
  /** When the end of the stream is due; unset: right behind the last piece. */
  endDueMs?: (arrivedMs: number) => number
}>

type Waiting = { item: Buffer | Ending; arrivedMs: number }

/**
 * A queue that lets its bytes go by a timetable, and keeps their order whatever the timetable says.
 * A chunk is split only when its turn comes, so slicing costs no memory.
 */
export function openDelayLine(outlet: Outlet, timetable: Timetable, roomBytes = 0): Stage {
  let queue: Waiting[] = []
  let held = 0
  let lastMs = Number.NEGATIVE_INFINITY
  let next: Departure | undefined
  let timer: NodeJS.Timeout | undefined

  /** Computed once for each piece, because a timetable may draw a random number. */
  function planNext({ item, arrivedMs }: Waiting): Departure {
    if (typeof item !== 'string') return timetable.departure(item, arrivedMs, lastMs)
    return { bytes: 0, dueMs: timetable.endDueMs?.(arrivedMs) ?? lastMs }
  }

  function depart(head: Waiting, { bytes, dueMs }: Departure): void {
    lastMs = Math.max(lastMs, dueMs)
    next = undefined
    if (typeof head.item === 'string') {
      queue.shift()
      outlet.end(head.item)
      return
    }
    const piece = head.item.subarray(0, bytes)
    held -= piece.length
    if (piece.length < head.item.length) {
      head.item = head.item.subarray(piece.length)
    } else {
      held -= limits.pieceOverheadBytes
      queue.shift()
    }
    outlet.pass(piece)
  }

  function run(): void {
    timer = undefined
    for (let turn = 0; turn < limits.piecesPerTurnMax; turn += 1) {
      const [head] = queue
      if (head === undefined) return
      next ??= planNext(head)
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) {
        runAfter(waitMs)
        return
      }
      depart(head, next)
    }
    runAfter(0)
  }

  function runAfter(waitMs: number): void {
    if (waitMs > limits.waitMaxMs) return
    timer = setTimeout(run, Math.ceil(waitMs))
  }

  function enqueue(item: Buffer | Ending): void {
    queue.push({ item, arrivedMs: performance.now() })
    if (timer === undefined) run()
  }

  return {
    roomBytes,
    heldBytes: () => held,
    push(chunk) {
      held += chunk.length + limits.pieceOverheadBytes
      enqueue(chunk)
    },
    end: enqueue,
    release() {
      clearTimeout(timer)
      timer = undefined
      const items = queue.map(({ item }) => item)
      queue = []
      held = 0
      lastMs = Number.NEGATIVE_INFINITY
      next = undefined
      return {
        chunks: items.filter(item => typeof item !== 'string'),
        ending: items.find(item => typeof item === 'string'),
      }
    },
  }
}
