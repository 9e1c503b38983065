import { expect, test } from 'vitest'
import { randomSource } from './random-source.ts'

const draws = 10_000

test('the same iteration of the same seed draws the same, and every other iteration draws differently', () => {
  const first = (...seeds: (string | number)[]) => randomSource(...seeds).hex(16)
  expect(first(1, 'employers', 7)).toBe(first(1, 'employers', 7))
  const others = [first(1, 'employers', 8), first(2, 'employers', 7), first(1, 'candidates', 7)]
  expect(new Set([first(1, 'employers', 7), ...others]).size).toBe(4)
})

test('the first draws of neighboring iterations are spread evenly', () => {
  const first = Array.from({ length: draws }, (_unused, n) =>
    randomSource(1, 'employers', n).below(10),
  )
  for (let value = 0; value < 10; value += 1) {
    const share = first.filter(drawn => drawn === value).length / draws
    expect(share).toBeGreaterThan(0.085)
    expect(share).toBeLessThan(0.115)
  }
})

test('no two iterations draw the same id', () => {
  const ids = Array.from({ length: draws }, (_unused, n) => randomSource('run', 1, n).hex(32))
  expect(new Set(ids).size).toBe(draws)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/)
})
