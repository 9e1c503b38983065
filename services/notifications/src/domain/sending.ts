import type { Outcome } from '@nightshift/runtime/process/outcome'

export type SendOutcome = Outcome<'accepted', 'refused'>

export type SendVerdict =
  | { kind: 'sent' }
  /** @param mayHaveArrived whether the attempt may have left a copy with the mail server */
  | { kind: 'again'; mayHaveArrived: boolean }
  | { kind: 'failed'; reason: string }

export type SendBounds = { attemptsMax: number; copiesMax: number }

/**
 * What becomes of a delivery after an attempt. A server that surely did not take the mail is asked
 * again for a long time. After an unknown outcome the mail is sent again a few times only: a copy too
 * many, with an id that a mailbox can recognise, is better than none, and worse than few.
 */
export function decideSending(
  outcome: SendOutcome,
  { attempt, copies }: { attempt: number; copies: number },
  { attemptsMax, copiesMax }: SendBounds,
): SendVerdict {
  switch (outcome.kind) {
    case 'ok':
      return { kind: 'sent' }
    case 'rejected':
      return { kind: 'failed', reason: 'the mail server refused it for good' }
    case 'unknown':
      return copies < copiesMax && attempt < attemptsMax
        ? { kind: 'again', mayHaveArrived: true }
        : { kind: 'failed', reason: unknownReason(copies) }
    case 'not-sent':
    case 'shed':
    case 'bug':
      return attempt < attemptsMax
        ? { kind: 'again', mayHaveArrived: false }
        : { kind: 'failed', reason: `given up after ${attempt} attempts` }
  }
}

function unknownReason(copies: number): string {
  return `unknown: the mail server may have accepted it ${copies} times and confirmed none`
}
