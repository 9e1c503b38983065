import { expect, test } from 'vitest'
import { oneByOne } from './naive.ts'
import { naturalBatching } from './natural-batching.ts'
import type { BatchOptions } from './types.ts'

/** Work that ends when the test says so, and records its batches. */
function openLab(options: Partial<BatchOptions<string, string>> = {}) {
  const batches: string[][] = []
  const ends: (() => void)[] = []
  const settings: BatchOptions<string, string> = {
    run: async items => {
      batches.push([...items])
      await new Promise<void>(resolve => ends.push(resolve))
      if (items.includes('poison')) throw new Error('22003')
      return items.map(item => `${item} done`)
    },
    keyOf: item => item,
    workersMax: 1,
    batchMax: 3,
    isErrorOfOne: error => (error as Error).message === '22003',
    expired: () => undefined,
    ...options,
  }
  const end = async () => {
    ends.shift()?.()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { batches, end, settings }
}

test('an item that comes alone is run at once, and items that come meanwhile share a batch, in order', async () => {
  const { batches, end, settings } = openLab()
  const work = naturalBatching(settings)
  const first = work('a')
  const rest = ['b', 'c', 'd', 'e'].map(work)
  expect(batches).toEqual([['a']])
  await end()
  expect(await first).toBe('a done')
  expect(batches).toEqual([['a'], ['b', 'c', 'd']])
  await end()
  await end()
  expect(await Promise.all(rest)).toEqual(['b done', 'c done', 'd done', 'e done'])
  expect(batches).toEqual([['a'], ['b', 'c', 'd'], ['e']])
})

test('two items of one key never share a batch', async () => {
  const { batches, end, settings } = openLab()
  const work = naturalBatching(settings)
  const all = ['x', 'a', 'a', 'b'].map(work)
  for (let round = 0; round < 3; round += 1) await end()
  await Promise.all(all)
  expect(batches).toEqual([['x'], ['a', 'b'], ['a']])
})

test('an item that fails its whole batch fails alone in the end', async () => {
  const { batches, end, settings } = openLab()
  const work = naturalBatching(settings)
  const first = work('x')
  const all = Promise.allSettled(['a', 'poison', 'b'].map(work))
  for (let round = 0; round < 5; round += 1) await end()
  expect(await first).toBe('x done')
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(batches.slice(1)).toEqual([['a', 'poison', 'b'], ['a'], ['poison'], ['b']])
})

test('nothing is run again when it is unknown what was done', async () => {
  const { batches, end, settings } = openLab({ isErrorOfOne: () => false })
  const work = naturalBatching(settings)
  const all = Promise.allSettled(['x', 'a', 'poison'].map(work))
  await end()
  await end()
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect(batches).toEqual([['x'], ['a', 'poison']])
})

test('an item whose caller left while it waited is answered and not run', async () => {
  const left = new Set<string>()
  const expired = (item: string) => (left.has(item) ? `${item} is too late` : undefined)
  const { batches, end, settings } = openLab({ expired })
  const work = naturalBatching(settings)
  const all = ['a', 'b', 'c'].map(work)
  left.add('b')
  for (let round = 0; round < 2; round += 1) await end()
  expect(await Promise.all(all)).toEqual(['a done', 'b is too late', 'c done'])
  expect(batches).toEqual([['a'], ['c']])
})

test('a queue in which every item has expired empties itself and goes on', async () => {
  let isLate = false
  const { batches, end, settings } = openLab({ expired: () => (isLate ? 'too late' : undefined) })
  const work = naturalBatching(settings)
  const all = ['a', 'b', 'c'].map(work)
  isLate = true
  await end()
  expect(await Promise.all(all)).toEqual(['a done', 'too late', 'too late'])
  isLate = false
  const next = work('d')
  await end()
  expect(await next).toBe('d done')
  expect(batches).toEqual([['a'], ['d']])
})

test('the naive version runs each item by itself', async () => {
  const { batches, end, settings } = openLab()
  const work = oneByOne(settings)
  const all = ['a', 'b'].map(work)
  expect(batches).toEqual([['a'], ['b']])
  await end()
  await end()
  expect(await Promise.all(all)).toEqual(['a done', 'b done'])
})
