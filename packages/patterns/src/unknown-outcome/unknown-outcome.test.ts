import type { Outcome } from '@nightshift/runtime/process/outcome'
import { expect, test } from 'vitest'
import { callItFailed } from './naive.ts'
import { concludeFromAnswers } from './unknown-outcome.ts'

type Charge = Outcome<string, 'declined' | 'failed'>

const withoutAnswer: Charge[] = [
  { kind: 'unknown', cause: new Error('timeout') },
  { kind: 'not-sent', cause: new Error('refused') },
  { kind: 'shed', retryAfterMs: 1_000 },
  { kind: 'bug', cause: new Error('401') },
]

test.each(withoutAnswer)('a call without an answer ($kind) stays open', outcome => {
  expect(concludeFromAnswers(outcome, 'failed')).toEqual({ kind: 'open' })
})

test('an answer is final, whether yes or no', () => {
  const yes: Charge = { kind: 'ok', value: 'pi_1' }
  const no: Charge = { kind: 'rejected', reason: 'declined' }
  for (const conclude of [concludeFromAnswers, callItFailed]) {
    expect(conclude(yes, 'failed')).toEqual({ kind: 'happened', value: 'pi_1' })
    expect(conclude(no, 'failed')).toEqual({ kind: 'refused', reason: 'declined' })
  }
})

test.each(withoutAnswer)('the naive version calls it a failure ($kind)', outcome => {
  expect(callItFailed(outcome, 'failed')).toEqual({ kind: 'refused', reason: 'failed' })
})
