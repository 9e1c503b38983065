import { expect, test } from 'vitest'
import { applyWebhookDirectly } from './naive.ts'
import { recordAndRecheck } from './webhook-hint.ts'

/** A receiver that records events, and in `done` how it reacted to them, in order. */
function openReceiver() {
  const seen = new Set<string>()
  const done: string[] = []
  const stepsOf = (event: string) => ({
    recordOnce: async () => {
      const isNew = !seen.has(event)
      if (isNew) done.push('check')
      seen.add(event)
      return isNew
    },
    apply: async () => void done.push(event),
  })
  return { done, stepsOf }
}

test('an event in any order makes its subject due for a check and changes nothing', async () => {
  const { done, stepsOf } = openReceiver()
  for (const event of ['captured', 'authorized']) {
    expect(await recordAndRecheck(stepsOf(event))).toBe('recorded')
  }
  expect(done).toEqual(['check', 'check'])
})

test('a repeated event is not recorded again', async () => {
  const { done, stepsOf } = openReceiver()
  expect(await recordAndRecheck(stepsOf('captured'))).toBe('recorded')
  expect(await recordAndRecheck(stepsOf('captured'))).toBe('duplicate')
  expect(done).toEqual(['check'])
})

test('the naive version applies every event, repeated and out of order', async () => {
  const { done, stepsOf } = openReceiver()
  for (const event of ['captured', 'captured', 'authorized']) {
    expect(await applyWebhookDirectly(stepsOf(event))).toBe('recorded')
  }
  expect(done).toEqual(['captured', 'captured', 'authorized'])
})
