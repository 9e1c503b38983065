import type { Turns } from '@nightshift/runtime/process/turns'

/**
 * What most teams ship first: every request is begun, and the dependency says no. Each of them has
 * then cost a claim, a call and a retry.
 */
export function beginEverything() {
  return {
    take: () => true,
    giveBack: () => {},
    perSecond: () => undefined,
    openPerSecond: () => undefined,
    sent: () => ({ refused: () => {}, notSent: () => {} }),
    hear: () => {},
  }
}

/** Every request is begun, however late it was read. */
export function refuseNever() {
  return {
    watch: () => {},
    refuse: () => undefined,
    answered: () => {},
    [Symbol.dispose]: () => {},
  }
}

/** All work begins at once, and waits for a connection as long as the pool lets it. */
export function noQueue(): Turns {
  return work => work()
}
