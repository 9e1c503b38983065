import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadEvidence } from '../auditor/keep-evidence.ts'
import { crashMatrix } from '../experiments/crash-matrix.ts'
import { crashPoints } from '../harness/crash-points.ts'
import { type JudgedCase, judgeCases } from '../runner/judge-cases.ts'
import { judgeMatrix, totalsOf } from '../runner/judge-matrix.ts'
import { casesOf, sampleOf } from '../runner/matrix.ts'
import type { CaseRun } from '../runner/run-case.ts'
import { journeyOf, recordOf, remove, rows } from './auditor-evidence.ts'
import { addRefund } from './auditor-money.ts'

const cases = casesOf(crashMatrix)
const caseOf = (row: string, column: string) => {
  const found = cases.find(one => one.row.name === row && one.column.name === column)
  if (!found) throw new Error(`no case ${row} / ${column}`)
  return found
}
/** A run of the real system. One of its publications stands for that of the case. */
const evidence = await loadEvidence(join(import.meta.dirname, 'fixtures/valid-run'))
const journey = journeyOf(evidence)
const survived: CaseRun = {
  oneCase: caseOf('charge.answered@payments', 'silent-after'),
  listingId: journey.listing.listingId,
  keys: [journey.key],
  answer: 'paid',
  attempts: 3,
  death: 'ended by SIGKILL',
  recoveryMs: 2_000,
  restMs: 3_000,
  isAtRest: true,
  isFaultSeen: true,
}
const declinedMail: CaseRun = {
  ...survived,
  oneCase: caseOf('mail.accepted@notifications', 'decline'),
  answer: 'declined',
}
const { death: _, recoveryMs: __, restMs: ___, ...alive } = declinedMail

test('every crash point has a row', () => {
  expect(new Set(crashMatrix.rows.map(({ label }) => label))).toEqual(
    new Set(Object.keys(crashPoints)),
  )
  expect(new Set(crashMatrix.rows.map(({ name }) => name)).size).toBe(crashMatrix.rows.length)
})

test('the sample has one possible case of each row, and every column', () => {
  const sample = sampleOf(crashMatrix)
  expect(sample.map(({ row }) => row)).toEqual(crashMatrix.rows)
  expect(sample.every(({ isPossible }) => isPossible)).toBe(true)
  expect(sample.every(({ row, column }) => crashMatrix.isPossible(row, column))).toBe(true)
  expect(new Set(sample.map(({ column }) => column.name))).toEqual(
    new Set(crashMatrix.columns.map(({ name }) => name)),
  )
})

describe('a case', () => {
  const outcomeOf = (run: CaseRun, seen = evidence, ids: string[] = []) => {
    const findings = ids.length === 0 ? [] : [{ promise: 'S4' as const, ids }]
    return judgeCases([run], seen, findings).cases[0]?.outcome
  }
  const neverCharged = structuredClone(evidence)
  remove(rows(neverCharged, 'provider'), ({ seq }) => seq === journey.capture.seq)
  const chargedTwice = structuredClone(evidence)
  rows(chargedTwice, 'provider').push(journey.capture)

  test('is survived when the service died at its crash point and everything ended as expected', () => {
    expect(outcomeOf(survived)).toBe('survived')
  })

  test.each([
    [
      'no service died',
      { ...alive, oneCase: survived.oneCase, answer: 'paid' as const },
      'not-reached',
    ],
    ['it died for another reason', { ...survived, death: 'exited with 1' }, 'broken'],
    ['the client gave up', { ...survived, answer: 'open' as const }, 'broken'],
    ['the client got another answer', { ...survived, answer: 'declined' as const }, 'broken'],
    ['it never came to rest', { ...survived, isAtRest: false }, 'broken'],
  ])('is not survived when %s', (_, run, outcome) => {
    expect(outcomeOf(run)).toBe(outcome)
  })

  test('is broken when the card was charged more or less often than the answer says', () => {
    expect(outcomeOf(survived, neverCharged)).toBe('broken')
    expect(outcomeOf(survived, chargedTwice)).toBe('broken')
  })

  test.each([
    ['its listing', journey.listing.listingId],
    ['its key', journey.key],
    ['its publication', journey.publication.publicationId],
    ['its payment', journey.payment.paymentId],
    ['an event of its payment', journey.paymentRecord.event?.eventId],
    ['an event of its listing', recordOf(evidence, journey.listing.listingId).event?.eventId],
    ['its mail', journey.delivery.deliveryId],
  ])('is broken by a violation that names %s', (_, id = '') => {
    expect(outcomeOf(survived, evidence, ['unknown', id])).toBe('broken')
  })

  test('is not broken by a violation with other ids, which is counted separately', () => {
    const findings = [{ promise: 'S4' as const, ids: ['elsewhere'] }]
    const judged = judgeCases([survived], evidence, findings)
    expect(judged.cases[0]?.outcome).toBe('survived')
    expect(judged.elsewhere).toEqual({ S4: 1 })
  })

  test('that is impossible is run all the same', () => {
    expect(outcomeOf(alive, neverCharged)).toBe('impossible')
    expect(outcomeOf(declinedMail, neverCharged)).toBe('reached-after-all')
  })
})

describe('a case of a refund', () => {
  const run: CaseRun = {
    ...survived,
    oneCase: caseOf('refund.answered@payments', 'silent-after'),
    answer: 'refunded',
  }
  const judged = (times: number, of = run, cents = 100) => {
    const seen = structuredClone(evidence)
    const { payment } = journeyOf(seen)
    for (let time = 0; time < times; time += 1) addRefund(seen, payment, cents)
    return judgeCases([of], seen, []).cases[0]
  }

  test('is survived when there was one charge and one refund', () => {
    expect(judged(1)).toMatchObject({ outcome: 'survived', charges: 1, refunds: 1 })
  })

  test('is broken when there was no refund, or two, or the client got another answer', () => {
    expect([judged(0)?.outcome, judged(2)?.outcome]).toEqual(['broken', 'broken'])
    expect(judged(1, { ...run, answer: 'open' })?.outcome).toBe('broken')
  })

  test('proves nothing when the provider did not show its fault', () => {
    expect(judged(1, { ...run, isFaultSeen: false })?.outcome).toBe('not-reached')
  })

  test('is impossible with a declined card', () => {
    const refunds = crashMatrix.rows.filter(({ during }) => during === 'refund')
    expect(refunds.map(({ label }) => label)).toEqual([
      'refund.claimed',
      'refund.begin',
      'refund.answered',
    ])
    for (const { name } of refunds) expect(caseOf(name, 'decline').isPossible).toBe(false)
  })

  test('is broken by a violation that names its refund', () => {
    const seen = structuredClone(evidence)
    const refundId = addRefund(seen, journeyOf(seen).payment, 100)
    const findings = [{ promise: 'S2' as const, ids: [refundId] }]
    expect(judgeCases([run], seen, findings).cases[0]?.outcome).toBe('broken')
  })
})

describe('a matrix', () => {
  const system = { elsewhere: {}, verdict: { valid: true, counts: { violations: {}, seen: {} } } }
  const judged = (outcome: JudgedCase['outcome']): JudgedCase => ({
    row: 'a',
    column: 'b',
    outcome,
    answer: 'paid',
    attempts: 1,
    charges: 1,
    deaths: 1,
    recoveryMs: 2_000,
    restMs: 3_000,
    violations: {},
  })
  const outcomeOf = (...outcomes: JudgedCase['outcome'][]) =>
    judgeMatrix(outcomes.map(judged), [system])

  test('is proved when every possible case was reached and survived', () => {
    expect(outcomeOf('survived', 'impossible')).toBe('proved')
  })

  test('is broken by one broken case, whatever the others are', () => {
    expect(outcomeOf('survived', 'broken', 'not-reached')).toBe('broken')
  })

  test('proves nothing when a case was not reached, or when an impossible one was', () => {
    expect(outcomeOf('survived', 'not-reached')).toBe('not-exercised')
    expect(outcomeOf('survived', 'reached-after-all')).toBe('not-exercised')
    expect(outcomeOf('impossible')).toBe('not-exercised')
  })

  test('needs a valid verdict of the auditor on every system', () => {
    const of = (valid: boolean | 'unknown') => ({
      ...system,
      verdict: { ...system.verdict, valid },
    })
    expect(judgeMatrix([judged('survived')], [system, of('unknown')])).toBe('not-exercised')
    expect(judgeMatrix([judged('survived')], [system, of(false)])).toBe('broken')
  })

  test('counts deaths, and the waiting times only of clients that had to wait', () => {
    const answeredBefore = { ...judged('survived'), recoveryMs: 0, restMs: 7_000 }
    const totals = totalsOf([judged('survived'), answeredBefore, judged('impossible')], [system])
    expect(totals).toMatchObject({ cells: 2, survived: 2, impossible: 1, medianRecoveryMs: 2_000 })
    expect(totals['maxRestMs']).toBe(7_000)
  })
})
