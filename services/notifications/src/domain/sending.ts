import type { Outcome } from '@nightshift/runtime/outcome'

export type SendOutcome = Outcome<'accepted', 'refused'>

export type SendVerdict = { kind: 'sent' } | { kind: 'again' } | { kind: 'failed'; reason: string }

/**
 * What becomes of a delivery after an attempt. An unknown outcome is tried again: one mail too many,
 * with an id that a mailbox can recognise, is better than none.
 */
export function decideSending(
  outcome: SendOutcome,
  attempts: number,
  attemptsMax: number,
): SendVerdict {
  switch (outcome.kind) {
    case 'ok':
      return { kind: 'sent' }
    case 'rejected':
      return { kind: 'failed', reason: 'the mail server refused it for good' }
    case 'unknown':
    case 'not-sent':
    case 'shed':
    case 'bug':
      return attempts + 1 < attemptsMax
        ? { kind: 'again' }
        : { kind: 'failed', reason: `given up after ${attemptsMax} attempts` }
  }
}
