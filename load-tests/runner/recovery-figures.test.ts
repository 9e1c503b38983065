import { expect, test } from 'vitest'
import { recoveryFigures } from './recovery-figures.ts'

const phases = {
  warmUpSeconds: 2,
  beforeSeconds: 10,
  troubleSeconds: 5,
  afterSeconds: 20,
  endSeconds: 5,
}
const startedMs = 1_000

/**
 * Two callers come in each second, the first of them two seconds before anything is counted. Those
 * whose second is named are served half a second later.
 */
function watch(isServed: (second: number) => boolean) {
  const callers = Array.from({ length: 74 }, (_, nth) => {
    const cameMs = startedMs + (nth - 4) * 500
    const served = isServed(Math.floor(nth / 2) - 2) ? { servedMs: cameMs + 400 } : {}
    return { cameMs, attempts: 'servedMs' in served ? 1 : 4, ...served }
  })
  return recoveryFigures(callers, { phases, startedMs, callersPerSecond: 2 })
}

test('a system that is back counts the seconds since the trouble, and serves everybody at the end', () => {
  const { figures, servedEachSecond } = watch(second => second < 10 || second >= 18)
  expect(figures).toEqual({
    unservedShareBefore: 0,
    secondsUntilBack: 3,
    callersAtEnd: 10,
    unservedAtEnd: 0,
    servedShareAtEnd: 1,
    attemptsPerCallerAtEnd: 1,
  })
  expect(servedEachSecond).toHaveLength(35)
  expect(servedEachSecond.slice(8, 20)).toEqual([2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2])
})

test('a system that serves nobody any more was not back in all the seconds that it was watched', () => {
  const { figures } = watch(second => second < 10)
  expect(figures).toMatchObject({ secondsUntilBack: 20, unservedAtEnd: 10, servedShareAtEnd: 0 })
})

test.each([
  ['one good second', 16, 16],
  ['a good moment before another collapse', 16, 23],
])('%s is no recovery', (_what, from, until) => {
  const { figures } = watch(second => second < 10 || (second >= from && second <= until))
  expect(figures['secondsUntilBack']).toBe(20)
})

test('a load that is too high shows before the trouble, but not in the warm-up', () => {
  expect(watch(second => second >= 0).figures['unservedShareBefore']).toBe(0)
  expect(watch(second => second >= 2).figures['unservedShareBefore']).toBe(0.2)
})
