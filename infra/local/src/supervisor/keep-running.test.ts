import { expect, test } from 'vitest'
import { nextBackoffMs, restartBackoff } from './keep-running.ts'

test('the pause doubles from 0.2 s and never exceeds 5 s', () => {
  const waits: number[] = []
  for (let i = 0; i < 8; i++) waits.push(nextBackoffMs(restartBackoff, waits.at(-1), 0))
  expect(waits).toEqual([200, 400, 800, 1600, 3200, 5000, 5000, 5000])
})

test('after an instance that ran ten seconds the next restart is quick again', () => {
  expect(nextBackoffMs(restartBackoff, 5_000, 9_999)).toBe(5_000)
  expect(nextBackoffMs(restartBackoff, 5_000, 10_000)).toBe(200)
})
