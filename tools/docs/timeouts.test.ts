import { limitAt } from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import { describe, expect, test } from 'vitest'
import { checkSystem, systemLimits, writtenLimits } from './system-limits.ts'
import { type Wait, waitPaths } from './timeouts.ts'
import { timeOf } from './timeouts-page.ts'

describe.each(checkSystem(writtenLimits))('$title', ({ relations }) => {
  test.each(relations)('$larger.term leaves room: $because', ({ holds, because }) => {
    expect(holds, because).toBe(true)
  })
})

describe.each(waitPaths)('$title', ({ waits }) => {
  const inside = (wait: Wait): readonly Wait[] => [wait, ...(wait.inside ?? []).flatMap(inside)]

  test.each(waits.flatMap(inside))('$limit is a limit that some process has', ({ limit }) => {
    expect(limit).toMatch(/Ms(\.\w+)?$/)
    expect(limitAt(systemLimits(writtenLimits), limit)).toBeGreaterThan(0)
  })
})

test.each([
  [500, '500 ms'],
  [3_500, '3.5 s'],
  [90_000, '90 s'],
  [603_500, '10.06 min'],
  [1_800_000, '30 min'],
  [86_400_000, '24 h'],
])('%i ms is written as %s', (ms, text) => {
  expect(timeOf(ms)).toBe(text)
})
