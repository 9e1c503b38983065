import type { Level } from './types.ts'

/**
 * What is kept for work that has begun, while there is such work: so many places a second, so that a
 * backlog is final in time, within these shares of the rate. Newcomers come before the rest of it, because
 * they are still waiting, and the callers of work that a job finishes have been told to look again later.
 */
export type KeptForBegun = Readonly<{ perSecond: number; shareMin: number; shareMax: number }>

/**
 * How many of the saved places a level leaves to those before it, as a share of them. Work that has begun
 * leaves so many when it uses up those that are kept for it. `low` takes all that it finds, so what it
 * leaves has to be more than `middle` leaves, and enough for some newcomers who come at once.
 */
const leavesToOthers: Readonly<Record<Level, number>> = {
  begun: 0.5,
  high: 0,
  middle: 0.25,
  low: 0.65,
}
const msPerSecond = 1_000

export type Places = {
  /** Adds the places of the time since the last call. Answers how many seconds that was. */
  refill: (perSecond: number) => number
  take: (level: Level) => boolean
  giveBack: (level?: Level) => void
  /** The dependency has none left. Takes saved places away, until only newcomers find one. */
  keepForNewcomers: () => void
}

/**
 * A token bucket with levels. There is no queue: a level is served when the bucket holds more than the
 * levels before it need. So a newcomer finds a place although many ask again, and a place never waits
 * for its taker.
 * @param burstMs places of so much time may be taken at once after a pause
 * @param now milliseconds of a monotonic clock
 */
export function placesWithLevels(burstMs: number, kept: KeptForBegun, now: () => number): Places {
  let filledAt = now()
  let size = 0
  const places = { begun: 0, open: 0 }

  function takeFrom(name: keyof typeof places, leave: number): boolean {
    if (places[name] < 1 + leave) return false
    places[name] -= 1
    return true
  }

  return {
    refill(perSecond) {
      const at = now()
      const seconds = (at - filledAt) / msPerSecond
      filledAt = at
      size = Math.max(2, (perSecond * burstMs) / msPerSecond)
      const share = Math.max(kept.shareMin, kept.perSecond / perSecond)
      const begunShare = Math.min(kept.shareMax, share)
      const begun = places.begun + seconds * perSecond * begunShare
      const begunMax = Math.max(1, size * begunShare)
      // What work that has begun does not need is open to all.
      const rest = Math.max(0, begun - begunMax)
      places.begun = Math.min(begunMax, begun)
      places.open = Math.min(size, places.open + seconds * perSecond * (1 - begunShare) + rest)
      return seconds
    },
    take(level) {
      if (level === 'begun' && takeFrom('begun', 0)) return true
      return takeFrom('open', leavesToOthers[level] * (size - 1))
    },
    giveBack(level) {
      if (level === 'begun') places.begun += 1
      else places.open = Math.min(size, places.open + 1)
    },
    keepForNewcomers() {
      places.begun = 0
      places.open = Math.min(places.open, leavesToOthers.middle * (size - 1))
    },
  }
}
