import { expect, test } from 'vitest'
import { judgeGoals, stormGoals } from './storm-goals.ts'

const good = {
  calmServedToSaturated: 0.95,
  servedToSaturated: 0.85,
  inTimeOfServed: 0.85,
  acceptedP99Ratio: 2,
  secondsUntilGood: 2,
  secondsUntilGoodAfterProvider: 1,
  secondsUntilGoodAfterDatabase: 1,
  secondsUntilGoodAfterKafka: 5,
  attemptsPerIntent: 3,
  chargedForTheGone: 0.05,
  memoryRatio: 1.3,
  errors: 0,
  deadLetters: 0,
  leftUnfinished: 0,
}
const missed = (figures: Record<string, number>) =>
  judgeGoals(figures).flatMap(({ figure, met }) => (met ? [] : [figure]))

test('figures exactly at their goals reach them', () => {
  expect(missed(good)).toEqual([])
  expect(Object.keys(good)).toEqual(stormGoals.map(({ figure }) => figure))
})

test.each([
  ['servedToSaturated', 0.849],
  ['acceptedP99Ratio', 2.001],
  ['secondsUntilGood', 3],
  ['secondsUntilGoodAfterKafka', Number.NaN],
  ['memoryRatio', Number.NaN],
])('%s of %f misses its goal', (figure, value) => {
  expect(missed({ ...good, [figure]: value })).toEqual([figure])
})

test('a figure that was not measured misses its goal', () => {
  const { errors: _errors, ...others } = good
  expect(missed(others)).toEqual(['errors'])
})
