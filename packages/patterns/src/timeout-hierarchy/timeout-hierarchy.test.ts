import { ConfigError } from '@nightshift/runtime/process/config'
import { describe, expect, test } from 'vitest'
import { thirtySecondsEach } from './naive.ts'
import { checkRelations, holdTimeouts, inequalityOf, limitAt } from './timeout-hierarchy.ts'
import type { AnyValues, HoldTimeouts, LimitPath, Relation } from './types.ts'

const written = {
  http: { requestBudgetMs: 3_500, connectionsMax: 100 },
  bank: { attemptMs: 2_000, connectMs: 500 },
  pool: { acquireMs: 1_000, statementMs: 1_000, connectionsMax: 10 },
  workersMax: 4,
} as const
type Limits = AnyValues<typeof written>

const budgetFits: Relation<LimitPath<Limits>> = {
  larger: 'http.requestBudgetMs',
  smaller: ['bank.attemptMs', 'pool.acquireMs', 500],
  orEqual: true,
  because: 'The outcome can still be recorded.',
}
const connectFits: Relation<LimitPath<Limits>> = {
  larger: 'bank.attemptMs',
  smaller: ['bank.connectMs'],
  because: 'Connecting is a part of an attempt.',
}
const workersFit: Relation<LimitPath<Limits>> = {
  larger: 'pool.connectionsMax',
  smaller: [[2, '*', 'workersMax']],
  because: 'The jobs still get a connection.',
}
const relations = [budgetFits, connectFits, workersFit]

const mistakesOf = (limits: Limits, hold: HoldTimeouts = holdTimeouts): readonly string[] => {
  try {
    hold(limits, relations)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
}

describe('limits whose relations hold', () => {
  test('pass as they are', () => {
    expect(holdTimeouts(written, relations)).toBe(written)
  })

  test('may have two equal sides only where the relation says so', () => {
    const tight = { ...written, bank: { attemptMs: 500, connectMs: 500 } }
    expect(mistakesOf(written)).toEqual([])
    expect(mistakesOf(tight)).toEqual([expect.stringContaining('bank.attemptMs (500) >')])
  })
})

test('every broken relation is named with its limits, their values and the reason', () => {
  const broken: Limits = {
    ...written,
    bank: { attemptMs: 4_000, connectMs: 5_000 },
    workersMax: 5,
  }
  expect(mistakesOf(broken)).toEqual([
    'http.requestBudgetMs (3500) >= bank.attemptMs (4000) + pool.acquireMs (1000) + 500 = 5500 ' +
      'does not hold. Why it must: The outcome can still be recorded.',
    'bank.attemptMs (4000) > bank.connectMs (5000) ' +
      'does not hold. Why it must: Connecting is a part of an attempt.',
    'pool.connectionsMax (10) > 2 * workersMax (10) ' +
      'does not hold. Why it must: The jobs still get a connection.',
  ])
})

test('the naive version has thirty seconds at each layer, and refuses nothing', () => {
  const naive = thirtySecondsEach<Limits>(written, relations)
  expect(naive).toEqual({
    http: { requestBudgetMs: 30_000, connectionsMax: 100 },
    bank: { attemptMs: 30_000, connectMs: 500 },
    pool: { acquireMs: 30_000, statementMs: 30_000, connectionsMax: 10 },
    workersMax: 4,
  })
  expect(mistakesOf(written, thirtySecondsEach)).toEqual([])
  expect(mistakesOf(naive)).toEqual([expect.stringContaining('http.requestBudgetMs (30000)')])
})

test('two limits may be multiplied, and the product is named by both', () => {
  const relation: Relation = {
    larger: 'http.requestBudgetMs',
    smaller: [['workersMax', '*', 'bank.connectMs']],
    because: 'All of them connect in time.',
  }
  const [checked] = checkRelations(written, [relation])
  expect(checked?.smaller).toEqual([
    { term: 'workersMax * bank.connectMs', limits: ['workersMax', 'bank.connectMs'], value: 2_000 },
  ])
})

test('a number without a name stands for itself', () => {
  const relation = { larger: 90_000, smaller: ['bank.attemptMs'], because: 'It ends in time.' }
  expect(checkRelations(written, [relation]).map(one => inequalityOf(one))).toEqual([
    '90000 > bank.attemptMs (2000)',
  ])
})

test.each(['bank', 'bank.attempt', 'bank.attemptMs.more', 'http.toString', ''])(
  'a relation that names %j names no limit, and that is an error',
  path => {
    expect(() => limitAt(written, path)).toThrow(`there is no limit ${path}`)
  },
)
