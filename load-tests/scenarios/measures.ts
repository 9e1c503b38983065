import { Counter, Trend } from 'k6/metrics'
import type { Ending } from './patience.ts'

const inMilliseconds = true

/** Intents that began: somebody came to publish or to pay. */
export const offered = new Counter('offered_intents')
/** Requests that may change something, or ask what became of them. */
export const attempts = new Counter('attempts')
/** Answers that no client should ever see: 500, 502, 504. */
export const errorAnswers = new Counter('error_answers')

/** How intents ended; they add up to the offered ones, unless the run was cut short. */
export const endings: Readonly<Record<Ending, Counter>> = {
  good: new Counter('good_answers'),
  late: new Counter('late_answers'),
  refused: new Counter('refused_answers'),
  pending: new Counter('pending_answers'),
  lost: new Counter('lost_answers'),
}

/** Of good and late answers. A request that waits in the generator is waiting, too. */
export const fromIntendedStart = new Trend('from_intended_start', inMilliseconds)

/** How late iterations begin: by less than all others, one tells when k6's executor began. */
export const startDelay = new Trend('start_delay', inMilliseconds)

export const browseGood = new Counter('browse_good')
export const browseLost = new Counter('browse_lost')
export const browseFromIntendedStart = new Trend('browse_from_intended_start', inMilliseconds)
