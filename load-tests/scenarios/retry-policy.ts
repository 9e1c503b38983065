import { type Answer, outcomeTypeOf } from './history-line.ts'

/** One attempt and four retries, all under the same key. */
export const attemptsMax = 5
const pauseBaseMs = 250
const pauseMaxMs = 2_000
/** Problems that another attempt under the same key cannot change. */
const finalProblems = ['listing-not-a-draft', 'idempotency-key-reused']

/** How an intent ended for the employer. */
export type Ending = 'good' | 'late' | 'refused' | 'pending' | 'lost'

/** Whether the same request may get a better answer later. After a 202 the employer reads instead. */
export function isWorthRepeating({ status, body }: Answer): boolean {
  if (finalProblems.some(slug => body['type'] === `/problems/${slug}`)) return false
  return (outcomeTypeOf(status) === 'info' && status !== 202) || status === 429
}

/**
 * The pause before the next attempt: Retry-After, or exponential backoff without it. Half of the
 * backoff is random, so that clients that were refused together do not come back together.
 * @param attempt the number of the attempt that was answered, from 1
 * @param chance a random number from 0 to 1
 */
export function pauseMs(attempt: number, answer: Answer, chance: number): number {
  const { retryAfterSeconds } = answer
  if (retryAfterSeconds !== undefined) {
    return retryAfterSeconds * 1000 + chance * pauseBaseMs
  }
  const full = Math.min(pauseBaseMs * 2 ** (attempt - 1), pauseMaxMs)
  return full / 2 + (chance * full) / 2
}

/**
 * Classifies an intent by its last answer. Captured and declined are good answers within the timeout of one request,
 * and late answers after it.
 */
export function endingOf(answer: Answer, sinceMs: number, goodWithinMs: number): Ending {
  const { status, body } = answer
  const state = body['status']
  const isFinal = status === 201 || status === 402
  const readsFinal =
    status === 200 && (state === 'live' || state === 'captured' || state === 'declined')
  if (isFinal || readsFinal) return sinceMs <= goodWithinMs ? 'good' : 'late'
  if (status === 0 || status === 500 || status === 502 || status === 504) return 'lost'
  const isInProgress = body['type'] === '/problems/request-in-progress'
  return status === 202 || status === 200 || isInProgress ? 'pending' : 'refused'
}
