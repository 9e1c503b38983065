import { Counter, Trend } from 'k6/metrics'
import type { Ending } from './retry-policy.ts'

const inMilliseconds = true

/** Intents that began: an employer arrived to publish a listing. */
export const offered = new Counter('offered_intents')
/** Requests of employers, reads included. */
export const attempts = new Counter('attempts')
/** Answers that no client should ever get: 500, 502, 504. */
export const errorAnswers = new Counter('error_answers')

/** How intents ended. The counts add up to the offered intents, unless the run was stopped. */
export const endings: Readonly<Record<Ending, Counter>> = {
  good: new Counter('good_answers'),
  late: new Counter('late_answers'),
  refused: new Counter('refused_answers'),
  pending: new Counter('pending_answers'),
  lost: new Counter('lost_answers'),
}

/** Times of good and late answers. Time in the generator's queue counts, because a user would wait, too. */
export const fromIntendedStart = new Trend('from_intended_start', inMilliseconds)

/** How late iterations begin. The smallest value shows when k6's executor began; see `summary.ts`. */
export const startDelay = new Trend('start_delay', inMilliseconds)

export const browseGood = new Counter('browse_good')
export const browseLost = new Counter('browse_lost')
export const browseFromIntendedStart = new Trend('browse_from_intended_start', inMilliseconds)
