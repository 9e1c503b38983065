import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { NoTurn, takeTurns } from './turns.ts'

/** Work that ends when it is told to. */
function openWork() {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  return { work: () => promise, finish: () => resolve('done'), fail: () => reject(new Error('no')) }
}

test('a bounded number works at once, and the others follow in the order in which they came', async () => {
  const turns = takeTurns({ atWorkMax: 2, waitingMax: 10, waitMs: 5_000 })
  const begun: number[] = []
  const works = Array.from({ length: 5 }, openWork)
  const results = works.map(({ work }, i) =>
    turns(() => {
      begun.push(i)
      return work()
    }),
  )
  await setImmediate()
  expect(begun).toEqual([0, 1])
  works[1]?.finish()
  await setImmediate()
  expect(begun).toEqual([0, 1, 2])
  for (const { finish } of works) finish()
  expect(await Promise.all(results)).toEqual(Array(5).fill('done'))
  expect(begun).toEqual([0, 1, 2, 3, 4])
})

test('work that fails hands its turn on', async () => {
  const turns = takeTurns({ atWorkMax: 1, waitingMax: 1, waitMs: 5_000 })
  const failing = openWork()
  const first = turns(failing.work)
  const second = turns(async () => 'second')
  failing.fail()
  await expect(first).rejects.toThrow('no')
  expect(await second).toBe('second')
  expect(await turns(async () => 'third')).toBe('third')
})

test('waiting is bounded in number and time, and a refused wait holds no turn', async () => {
  const turns = takeTurns({ atWorkMax: 1, waitingMax: 1, waitMs: 20 })
  const long = openWork()
  const first = turns(long.work)
  const second = turns(async () => 'second')
  await expect(turns(async () => 'third')).rejects.toThrow(NoTurn)
  await expect(second).rejects.toThrow('in time')
  long.finish()
  await first
  expect(await turns(async () => 'fourth')).toBe('fourth')
})
