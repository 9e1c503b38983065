export type TurnLimits = {
  /** So many at work at once. */
  atWorkMax: number
  /** So many more may wait. */
  waitingMax: number
  waitMs: number
}

/** There were too many waiting, or it would have waited too long. Nothing was begun. */
export class NoTurn extends Error {}

export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** Does so many things at once; the others wait for their turn, in order and within bounds. */
export function takeTurns(limits: TurnLimits): Turns {
  const waiting = new Set<() => void>()
  let atWork = 0

  const turn = async () => {
    if (atWork < limits.atWorkMax) {
      atWork += 1
      return
    }
    if (waiting.size >= limits.waitingMax) throw new NoTurn('too many wait for a turn')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      waiting.delete(resolve)
      reject(new NoTurn('the turn did not come in time'))
    }, limits.waitMs)
    waiting.add(resolve)
    await promise
    clearTimeout(timer)
  }
  // A turn is handed on, and not given up: nobody who comes now may overtake the one that waits.
  const handOn = () => {
    const [next] = waiting
    if (next === undefined) {
      atWork -= 1
      return
    }
    waiting.delete(next)
    next()
  }

  return async work => {
    await turn()
    try {
      return await work()
    } finally {
      handOn()
    }
  }
}
