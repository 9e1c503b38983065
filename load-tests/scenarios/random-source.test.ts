import { expect, test } from 'vitest'
import { diceOf } from './random-source.ts'

const throws = 10_000

test('the same iteration of the same seed decides the same, and any other does not', () => {
  const first = (...seeds: (string | number)[]) => diceOf(...seeds).hex(16)
  expect(first(1, 'employers', 7)).toBe(first(1, 'employers', 7))
  const others = [first(1, 'employers', 8), first(2, 'employers', 7), first(1, 'candidates', 7)]
  expect(new Set([first(1, 'employers', 7), ...others]).size).toBe(4)
})

test('the first throws of neighbouring iterations are spread evenly', () => {
  const first = Array.from({ length: throws }, (_unused, n) => diceOf(1, 'employers', n).below(10))
  for (let value = 0; value < 10; value += 1) {
    const share = first.filter(thrown => thrown === value).length / throws
    expect(share).toBeGreaterThan(0.085)
    expect(share).toBeLessThan(0.115)
  }
})

test('ids are UUIDs, and no two iterations make the same', () => {
  const ids = Array.from({ length: throws }, (_unused, n) => diceOf('run', 1, n).uuid())
  expect(new Set(ids).size).toBe(throws)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})
