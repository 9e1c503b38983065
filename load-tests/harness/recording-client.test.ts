import { expect, test } from 'vitest'
import { openWallClock } from './recording-client.ts'

test('L5: a clock that is set forward while a process runs moves its lines, too', () => {
  let machineMs = 1_000
  const now = openWallClock(() => machineMs)
  expect(now()).toBe(1_000)
  machineMs = 61_000
  expect(now()).toBe(61_000)
})

test('two lines never have the same time, and none goes back', () => {
  let machineMs = 1_000
  const now = openWallClock(() => machineMs)
  const [first, second] = [now(), now()]
  machineMs = 900
  const third = now()
  expect(second).toBeGreaterThan(first)
  expect(third).toBeGreaterThan(second)
  expect(third).toBeLessThan(1_001)
})
