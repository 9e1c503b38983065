/**
 * Fault:    webhooks come twice, out of order, and before the answer that they are about.
 * Without:  load-tests/results/webhook-hint.json (posted twice, or gone back); the code is `naive.ts`.
 * With:     a webhook changes nothing: it only has us ask the other party sooner.
 * Switch:   PATTERN_WEBHOOK_HINT=naive
 */
import type { TakeHint } from './types.ts'

/** What is true now is asked of the other party; in what order it was told does not matter then. */
export const recordAndRecheck: TakeHint = async ({ lookOnce }) =>
  (await lookOnce()) ? 'taken' : 'duplicate'
