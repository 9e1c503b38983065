import type { Injector } from '@nightshift/faults/injector/injector'
import type { LinkName } from '@nightshift/local/system/links'
import type { FaultState, FaultySpot } from './resiliency-matrix.ts'

/**
 * How late each byte is on a slow link, in each direction. An answer takes three seconds then, where a
 * few milliseconds are normal: longer than payments waits for the card provider, and every service for
 * a statement.
 */
const lateEachWayMs = 1_500

/** Breaks a dependency until everything is healed. The fault log has the begin. */
export async function breakDependency(
  injector: Injector,
  spot: FaultySpot,
  state: FaultState,
): Promise<void> {
  if ('settings' in spot) {
    await injector.changeSettings('card-provider', spot.settings[state])
  } else if ('process' in spot) {
    // A frozen process still gets connections, and answers nothing.
    await (state === 'down' ? injector.stop(spot.process) : injector.freeze(spot.process))
  } else {
    const act = state === 'down' ? injector.takeDown : (link: LinkName) => slowDown(injector, link)
    await Promise.all(spot.links.map(act))
  }
}

async function slowDown(injector: Injector, link: LinkName): Promise<void> {
  const attributes = { latency: lateEachWayMs }
  for (const stream of ['upstream', 'downstream'] as const) {
    await injector.addToxic(link, { type: 'latency', stream, attributes })
  }
}
