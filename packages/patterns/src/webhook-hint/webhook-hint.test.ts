import { expect, test } from 'vitest'
import { applyWebhookDirectly } from './naive.ts'
import { recordAndRecheck } from './webhook-hint.ts'

/** A receiver that records events, and what was done about them in which order. */
function openReceiver() {
  const seen = new Set<string>()
  const done: string[] = []
  const stepsOf = (event: string) => ({
    recordOnce: async () => {
      const isNew = !seen.has(event)
      if (isNew) done.push('look')
      seen.add(event)
      return isNew
    },
    apply: async () => void done.push(event),
  })
  return { done, stepsOf }
}

test('events in any order have their subject checked and change nothing', async () => {
  const { done, stepsOf } = openReceiver()
  for (const event of ['captured', 'authorized']) {
    expect(await recordAndRecheck(stepsOf(event))).toBe('recorded')
  }
  expect(done).toEqual(['look', 'look'])
})

test('an event that comes again is not recorded again', async () => {
  const { done, stepsOf } = openReceiver()
  expect(await recordAndRecheck(stepsOf('captured'))).toBe('recorded')
  expect(await recordAndRecheck(stepsOf('captured'))).toBe('duplicate')
  expect(done).toEqual(['look'])
})

test('the naive version applies every event, as often and in the order in which it comes', async () => {
  const { done, stepsOf } = openReceiver()
  for (const event of ['captured', 'captured', 'authorized']) {
    expect(await applyWebhookDirectly(stepsOf(event))).toBe('recorded')
  }
  expect(done).toEqual(['captured', 'captured', 'authorized'])
})
