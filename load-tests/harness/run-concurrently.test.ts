import { expect, test } from 'vitest'
import { runConcurrently } from './run-concurrently.ts'

const otherTurns = () => new Promise(resolve => setImmediate(resolve))

test('all pieces of work are done, and never more at a time than allowed', async () => {
  let inProgress = 0
  let atOnce = 0
  const seen: number[] = []
  await runConcurrently(10, 3, async number => {
    inProgress += 1
    atOnce = Math.max(atOnce, inProgress)
    await otherTurns()
    inProgress -= 1
    seen.push(number)
  })
  expect([seen.length, atOnce]).toEqual([10, 3])
})

test('after a failure no other piece begins, and none is in progress when the error is thrown', async () => {
  let inProgress = 0
  let begun = 0
  const running = runConcurrently(10, 3, async number => {
    begun += 1
    inProgress += 1
    await otherTurns()
    if (number > 0) await otherTurns()
    inProgress -= 1
    if (number === 0) throw new Error('the client is broken')
  })
  await expect(running).rejects.toThrow('the client is broken')
  expect([begun, inProgress]).toEqual([3, 0])
})
