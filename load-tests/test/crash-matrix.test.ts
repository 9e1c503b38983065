import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadEvidence } from '../auditor/keep-evidence.ts'
import { crashMatrix } from '../experiments/crash-matrix.ts'
import { crashPoints } from '../harness/crash-points.ts'
import { type JudgedCell, judgeCells } from '../runner/judge-cases.ts'
import { judgeGrid, totalsOf } from '../runner/judge-matrix.ts'
import { cellsOf, sampleOf } from '../runner/matrix.ts'
import type { CellRun } from '../runner/run-case.ts'
import { journeyOf, recordOf, remove, rows } from './auditor-evidence.ts'
import { giveBack } from './auditor-money.ts'

const cells = cellsOf(crashMatrix)
const cellOf = (row: string, column: string) => {
  const cell = cells.find(one => one.row.name === row && one.column.name === column)
  if (!cell) throw new Error(`no cell ${row} / ${column}`)
  return cell
}
/** A run of the real system, in which one publication shall be that of the cell. */
const evidence = await loadEvidence(join(import.meta.dirname, 'fixtures/valid-run'))
const journey = journeyOf(evidence)
const survived: CellRun = {
  cell: cellOf('charge.answered@payments', 'silent-after'),
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
const declinedMail: CellRun = {
  ...survived,
  cell: cellOf('mail.accepted@notifications', 'decline'),
  answer: 'declined',
}
const { death: _, recoveryMs: __, restMs: ___, ...alive } = declinedMail

test('every place at which a process can die has a row', () => {
  expect(new Set(crashMatrix.rows.map(({ label }) => label))).toEqual(
    new Set(Object.keys(crashPoints)),
  )
  expect(new Set(crashMatrix.rows.map(({ name }) => name)).size).toBe(crashMatrix.rows.length)
})

test('the sample has one possible cell of each row, and every column', () => {
  const sample = sampleOf(crashMatrix)
  expect(sample.map(({ row }) => row)).toEqual(crashMatrix.rows)
  expect(sample.every(({ isPossible }) => isPossible)).toBe(true)
  expect(sample.every(({ row, column }) => crashMatrix.isPossible(row, column))).toBe(true)
  expect(new Set(sample.map(({ column }) => column.name))).toEqual(
    new Set(crashMatrix.columns.map(({ name }) => name)),
  )
})

describe('a cell', () => {
  const outcomeOf = (run: CellRun, seen = evidence, ids: string[] = []) => {
    const findings = ids.length === 0 ? [] : [{ invariant: 'S4' as const, ids }]
    return judgeCells([run], seen, findings).cells[0]?.outcome
  }
  const never = structuredClone(evidence)
  remove(rows(never, 'provider'), ({ seq }) => seq === journey.capture.seq)
  const twice = structuredClone(evidence)
  rows(twice, 'provider').push(journey.capture)

  test('is survived when the service died there and all ended as it has to', () => {
    expect(outcomeOf(survived)).toBe('survived')
  })

  test.each([
    ['nobody died', { ...alive, cell: survived.cell, answer: 'paid' as const }, 'not-reached'],
    ['it died of something else', { ...survived, death: 'exited with 1' }, 'broken'],
    ['the client gave up', { ...survived, answer: 'open' as const }, 'broken'],
    ['the client was told otherwise', { ...survived, answer: 'declined' as const }, 'broken'],
    ['it never came to rest', { ...survived, isAtRest: false }, 'broken'],
  ])('is not when %s', (_, run, outcome) => {
    expect(outcomeOf(run)).toBe(outcome)
  })

  test('is broken when the card was charged more or less often than the answer says', () => {
    expect(outcomeOf(survived, never)).toBe('broken')
    expect(outcomeOf(survived, twice)).toBe('broken')
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

  test('is not broken by a violation of something else, which is told apart', () => {
    const findings = [{ invariant: 'S4' as const, ids: ['elsewhere'] }]
    const { cells, elsewhere } = judgeCells([survived], evidence, findings)
    expect(cells[0]?.outcome).toBe('survived')
    expect(elsewhere).toEqual({ S4: 1 })
  })

  test('that can not be reached is watched all the same', () => {
    expect(outcomeOf(alive, never)).toBe('impossible')
    expect(outcomeOf(declinedMail, never)).toBe('reached-after-all')
  })
})

describe('a cell of a refund', () => {
  const run: CellRun = {
    ...survived,
    cell: cellOf('refund.answered@payments', 'silent-after'),
    answer: 'refunded',
  }
  const judged = (times: number, of = run, cents = 100) => {
    const seen = structuredClone(evidence)
    const { payment } = journeyOf(seen)
    for (let time = 0; time < times; time += 1) giveBack(seen, payment, cents)
    return judgeCells([of], seen, []).cells[0]
  }

  test('is survived when the money came in once and went back once', () => {
    expect(judged(1)).toMatchObject({ outcome: 'survived', charges: 1, refunds: 1 })
  })

  test('is broken when it went back never, or twice, or the client was told otherwise', () => {
    expect([judged(0)?.outcome, judged(2)?.outcome]).toEqual(['broken', 'broken'])
    expect(judged(1, { ...run, answer: 'open' })?.outcome).toBe('broken')
  })

  test('shows nothing when the provider was not silent while it was asked', () => {
    expect(judged(1, { ...run, isFaultSeen: false })?.outcome).toBe('not-reached')
  })

  test('can not be reached by a card that was declined', () => {
    const declined = crashMatrix.rows.filter(({ during }) => during === 'refund')
    expect(declined.map(({ label }) => label)).toEqual([
      'refund.claimed',
      'refund.begin',
      'refund.answered',
    ])
    for (const { name } of declined) expect(cellOf(name, 'decline').isPossible).toBe(false)
  })

  test('takes in a violation that names its refund', () => {
    const seen = structuredClone(evidence)
    const refundId = giveBack(seen, journeyOf(seen).payment, 100)
    const findings = [{ invariant: 'S2' as const, ids: [refundId] }]
    expect(judgeCells([run], seen, findings).cells[0]?.outcome).toBe('broken')
  })
})

describe('a grid', () => {
  const lane = { elsewhere: {}, verdict: { valid: true, counts: { violations: {}, seen: {} } } }
  const judged = (outcome: JudgedCell['outcome']): JudgedCell => ({
    ...{ row: 'a', column: 'b', outcome, answer: 'paid', attempts: 1, charges: 1, deaths: 1 },
    ...{ recoveryMs: 2_000, restMs: 3_000, violations: {} },
  })
  const verdictOf = (...outcomes: JudgedCell['outcome'][]) =>
    judgeGrid(outcomes.map(judged), [lane])

  test('is proved when every possible cell was reached and survived', () => {
    expect(verdictOf('survived', 'impossible')).toBe('proved')
  })

  test('is broken by one cell, whatever the others are', () => {
    expect(verdictOf('survived', 'broken', 'not-reached')).toBe('broken')
  })

  test('shows nothing when a cell was not reached, or one that could not be was', () => {
    expect(verdictOf('survived', 'not-reached')).toBe('not-exercised')
    expect(verdictOf('survived', 'reached-after-all')).toBe('not-exercised')
    expect(verdictOf('impossible')).toBe('not-exercised')
  })

  test('is as sure as the auditor, and no surer', () => {
    const of = (valid: boolean | 'unknown') => ({ ...lane, verdict: { ...lane.verdict, valid } })
    expect(judgeGrid([judged('survived')], [lane, of('unknown')])).toBe('not-exercised')
    expect(judgeGrid([judged('survived')], [lane, of(false)])).toBe('broken')
  })

  test('counts deaths, and waits only where somebody waited', () => {
    const answeredBefore = { ...judged('survived'), recoveryMs: 0, restMs: 7_000 }
    const totals = totalsOf([judged('survived'), answeredBefore, judged('impossible')], [lane])
    expect(totals).toMatchObject({ cells: 2, survived: 2, impossible: 1, medianRecoveryMs: 2_000 })
    expect(totals['maxRestMs']).toBe(7_000)
  })
})
