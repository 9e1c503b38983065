import { type Answer, outcomeTypeOf } from './history-line.ts'

/** The first attempt and four more, always under the same key. */
export const attemptsMax = 5
/** A person does not wait longer, whatever the server would like. */
const retryAfterMaxMs = 2_000
const pauseBaseMs = 250
const pauseMaxMs = 2_000
/** A refusal after an info: this key cannot do any better any more. */
const hopeless = ['listing-not-a-draft', 'idempotency-key-reused']

/** How an intent ended for the person who had it. */
export type Ending = 'good' | 'late' | 'refused' | 'pending' | 'lost'

/** Whether the same request may bring a better answer later. */
export function isWorthRepeating({ status, body }: Answer): boolean {
  if (hopeless.some(slug => body['type'] === `/problems/${slug}`)) return false
  return outcomeTypeOf(status) === 'info' || status === 429
}

/**
 * How long to wait before the next attempt: as long as the server says, within reason, or doubling.
 * Half of it is left to chance, or everybody who was refused together comes back together.
 * @param attempt the one that was just answered, from 1
 * @param chance from 0 to 1
 */
export function pauseMs(attempt: number, answer: Answer, chance: number): number {
  const { retryAfterSeconds } = answer
  if (retryAfterSeconds !== undefined) {
    const asked = Math.min(retryAfterSeconds * 1000, retryAfterMaxMs)
    return asked + chance * pauseBaseMs
  }
  const full = Math.min(pauseBaseMs * 2 ** (attempt - 1), pauseMaxMs)
  return full / 2 + (chance * full) / 2
}

/**
 * What the last answer means. Captured or declined is a good answer, if it comes within the time
 * that one request is given; after that it is late.
 */
export function endingOf(answer: Answer, sinceMs: number, goodWithinMs: number): Ending {
  const { status, body } = answer
  const state = body['status']
  const isFinal = status === 201 || status === 402
  const readsFinal =
    status === 200 && (state === 'live' || state === 'captured' || state === 'declined')
  if (isFinal || readsFinal) return sinceMs <= goodWithinMs ? 'good' : 'late'
  if (status === 0 || status === 500 || status === 502 || status === 504) return 'lost'
  const isAtWork = body['type'] === '/problems/request-in-progress'
  return status === 202 || status === 200 || isAtWork ? 'pending' : 'refused'
}
