import { expect, test } from 'vitest'
import { runIntents } from './measure.ts'

const otherTurns = () => new Promise(resolve => setImmediate(resolve))

test('all intents are worked through, so many at a time', async () => {
  let inProgress = 0
  let atOnce = 0
  const seen: number[] = []
  await runIntents(10, 3, async number => {
    inProgress += 1
    atOnce = Math.max(atOnce, inProgress)
    await otherTurns()
    inProgress -= 1
    seen.push(number)
  })
  expect([seen.length, atOnce]).toEqual([10, 3])
})

test('after one has failed no other begins, and none is in progress when the error is thrown', async () => {
  let inProgress = 0
  let begun = 0
  const running = runIntents(10, 3, async number => {
    begun += 1
    inProgress += 1
    if (number === 0) {
      inProgress -= 1
      throw new Error('the client is broken')
    }
    await otherTurns()
    inProgress -= 1
  })
  await expect(running).rejects.toThrow('the client is broken')
  expect([begun, inProgress]).toEqual([3, 0])
})
