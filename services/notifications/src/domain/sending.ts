import type { Outcome } from '@nightshift/runtime/process/outcome'

export type SendOutcome = Outcome<'accepted', 'refused'>

export type SendVerdict =
  | { kind: 'sent' }
  /** `mayHaveArrived`: the attempt may have left a copy with the mail server. */
  | { kind: 'again'; mayHaveArrived: boolean }
  | { kind: 'failed'; reason: string }

export type SendBounds = { attemptsMax: number; copiesMax: number }

/**
 * Decides how a delivery continues after an attempt. If the server certainly does not have the
 * mail, it is sent again for a long time. After unknown outcomes it is sent again only a few times:
 * a second copy is better than no mail, but many copies are not.
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
      return { kind: 'failed', reason: 'the mail server refused the mail for good' }
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
