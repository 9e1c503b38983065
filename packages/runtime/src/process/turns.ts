export type TurnLimits = {
  /** How many work at once. */
  atWorkMax: number
  /** How many more may wait. */
  waitingMax: number
  waitMs: number
}

/** Too many are waiting, or the wait was too long. Nothing was begun. */
export class NoTurn extends Error {}

export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** Bounds how much work runs at once; other work waits for its turn, in order and within bounds. */
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
  // A turn is handed on and not given up: work that comes now must not overtake work that waits.
  const handOn = () => {
    const [next] = waiting
    if (next === undefined) {
      atWork -= 1
      return
    }
    waiting.delete(next)
    next()
  }

  return workInTurns(turn, handOn)
}

/** Runs work between a turn and the moment at which the turn is handed on, however the work ends. */
export function workInTurns(turn: () => Promise<void>, handOn: () => void): Turns {
  return async work => {
    await turn()
    try {
      return await work()
    } finally {
      handOn()
    }
  }
}
