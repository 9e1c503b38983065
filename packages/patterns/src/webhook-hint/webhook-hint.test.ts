import { expect, test } from 'vitest'
import { applyWebhookDirectly } from './naive.ts'
import { recordAndRecheck } from './webhook-hint.ts'

/** A receiver that remembers events, and says what was done about them in which order. */
function openReceiver() {
  const seen = new Set<string>()
  const done: string[] = []
  const stepsOf = (event: string) => ({
    lookOnce: async () => {
      const isNew = !seen.has(event)
      if (isNew) done.push('look')
      seen.add(event)
      return isNew
    },
    believe: async () => void done.push(event),
  })
  return { done, stepsOf }
}

test('whatever comes, in whatever order, has somebody look and changes nothing', async () => {
  const { done, stepsOf } = openReceiver()
  for (const event of ['captured', 'authorized']) {
    expect(await recordAndRecheck(stepsOf(event))).toBe('taken')
  }
  expect(done).toEqual(['look', 'look'])
})

test('an event that comes again is not looked after again', async () => {
  const { done, stepsOf } = openReceiver()
  expect(await recordAndRecheck(stepsOf('captured'))).toBe('taken')
  expect(await recordAndRecheck(stepsOf('captured'))).toBe('duplicate')
  expect(done).toEqual(['look'])
})

test('the naive twin does what it is told, as often and in the order in which it is told', async () => {
  const { done, stepsOf } = openReceiver()
  for (const event of ['captured', 'captured', 'authorized']) {
    expect(await applyWebhookDirectly(stepsOf(event))).toBe('taken')
  }
  expect(done).toEqual(['captured', 'captured', 'authorized'])
})
