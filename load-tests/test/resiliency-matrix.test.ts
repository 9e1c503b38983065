import { linkNames } from '@nightshift/local/system/links'
import { describe, expect, test } from 'vitest'
import { resiliencyMatrix } from '../experiments/resiliency-matrix.ts'
import { answerOf, judgeFault, judgeResiliency, totalsOf } from '../runner/judge-resiliency.ts'
import type { Observed, Try } from '../runner/observe-journeys.ts'
import { expectedAnswer, faultsOf, journeys } from '../runner/resiliency-matrix.ts'

test('every link between two parts of the system is a link to one dependency', () => {
  const spots = resiliencyMatrix.dependencies.map(({ spot }) => spot)
  const broken = spots.flatMap(spot => ('links' in spot ? spot.links : []))
  const inside = linkNames.filter(name => !name.startsWith('client-'))
  expect(broken.toSorted()).toEqual(inside.toSorted())
})

test('every dependency says why its cells are as they are', () => {
  for (const { why } of resiliencyMatrix.dependencies) expect(why).toMatch(/^[A-Z].+\.$/)
})

describe('a try', () => {
  const quick: Try = { waitMs: 40, status: 200, hasEnded: true }

  test.each([
    ['works', quick],
    ['slower', { ...quick, waitMs: 3_000 }],
    ['queued', { ...quick, status: 202, waitMs: 2_000, afterHealMs: 900 }],
    ['refused', { ...quick, status: 503, hasRetryAfter: true }],
    ['works', { waitMs: 300, hasEnded: true }],
    ['slower', { waitMs: 3_000, hasEnded: true }],
    ['later', { waitMs: 3_000, hasEnded: true, afterHealMs: 500 }],
  ] as const)('is seen as %s: %j', (answer, one) => {
    expect(answerOf(one, 'down')).toBe(answer)
  })

  test.each([
    ['has no answer', { ...quick, status: 0 }],
    ['has an answer that came after the user had left', { ...quick, waitMs: 5_001 }],
    ['is a mistake of ours', { ...quick, status: 500 }],
    ['is refused without a time to come back', { ...quick, status: 503 }],
    ['is accepted and never finished', { ...quick, status: 202, hasEnded: false }],
    ['never happens', { waitMs: 60_000, hasEnded: false }],
  ] as const)('is broken when it %s', (_, one) => {
    expect(answerOf(one, 'slow')).toBe('broken')
  })

  test('may wait longer for a refusal by what is slow than by what is down', () => {
    const refused = { ...quick, status: 503, hasRetryAfter: true, waitMs: 3_000 }
    expect([answerOf(refused, 'slow'), answerOf(refused, 'down')]).toEqual(['refused', 'broken'])
  })
})

const [fault] = faultsOf({
  ...resiliencyMatrix,
  dependencies: [
    {
      name: 'Kafka',
      why: 'Events wait.',
      spot: { links: [] },
      expected: { down: { 'go live': 'later' }, slow: {} },
    },
  ],
})
if (fault === undefined) throw new Error('a dependency has a fault')

/** Each journey as it is expected, with these exceptions. */
function observed(changes: Partial<Observed>): Observed {
  const works = [{ waitMs: 20, status: 200, hasEnded: true }]
  return {
    pay: works,
    'see a payment': works,
    draft: works,
    publish: works,
    'go live': [{ waitMs: 6_000, hasEnded: true, afterHealMs: 800 }],
    search: works,
    'save an alert': works,
    'get a mail': works,
    ...changes,
  }
}
const cellOf = (changes: Partial<Observed>, column: (typeof journeys)[number]) =>
  judgeFault(fault, observed(changes)).find(one => one.column === column)

describe('a case', () => {
  test('is there for each journey, and is survived when it is as expected', () => {
    const cells = judgeFault(fault, observed({}))
    expect(cells.map(({ column }) => column)).toEqual(journeys)
    expect(cells.every(({ outcome }) => outcome === 'survived')).toBe(true)
    expect(cellOf({}, 'go live')).toMatchObject({ row: 'Kafka down', answer: 'later' })
    expect(cellOf({}, 'go live')).toMatchObject({ waitMs: 6_000, afterHealMs: 800 })
  })

  test('has the worst of its tries, and the longest wait', () => {
    const pay = [
      { waitMs: 30, status: 201, hasEnded: true },
      { waitMs: 2_000, status: 202, hasEnded: true, afterHealMs: 700 },
      { waitMs: 10, status: 503, hasRetryAfter: true, hasEnded: true, afterHealMs: 300 },
    ]
    expect(cellOf({ pay }, 'pay')).toMatchObject({
      answer: 'refused',
      outcome: 'broken',
      waitMs: 2_000,
      afterHealMs: 700,
      statuses: [201, 202, 503],
    })
  })

  test('that is better than expected is no proof: the fault did not show', () => {
    const live = [{ waitMs: 200, hasEnded: true }]
    expect(cellOf({ 'go live': live }, 'go live')?.outcome).toBe('better')
  })

  test('works where nothing else is expected', () => {
    expect(expectedAnswer(fault, 'pay')).toBe('works')
    expect(expectedAnswer(fault, 'go live')).toBe('later')
  })
})

describe('the matrix', () => {
  const cells = judgeFault(fault, observed({}))
  const withOdd = (outcome: 'better' | 'broken') =>
    cells.map((cell, index) => (index === 0 ? { ...cell, outcome } : cell))

  test('is proved when each case is as expected, and the auditor has no doubt', () => {
    expect(judgeResiliency(cells, { valid: true })).toBe('proved')
    expect(judgeResiliency(cells, { valid: 'unknown' })).toBe('not-exercised')
    expect(judgeResiliency(cells, { valid: false })).toBe('broken')
    expect(judgeResiliency([], { valid: true })).toBe('not-exercised')
  })

  test('is broken by one broken case, and not exercised where a fault did not show', () => {
    expect(judgeResiliency(withOdd('broken'), { valid: true })).toBe('broken')
    expect(judgeResiliency(withOdd('better'), { valid: true })).toBe('not-exercised')
  })

  test('counts its cases and the promises that broke', () => {
    const counts = { violations: { S4: 2, L1: 1 }, seen: {} }
    expect(totalsOf(withOdd('broken'), { counts })).toMatchObject({
      cells: 8,
      survived: 7,
      broken: 1,
      violations: 3,
      maxAfterHealMs: 800,
    })
  })
})
