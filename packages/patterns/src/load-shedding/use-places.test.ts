import { expect, test } from 'vitest'
import { whilePlaces } from './use-places.ts'

function openLab(places: number) {
  const seen = { places, looked: 0 }
  const admission = {
    take: () => {
      if (seen.places < 1) return false
      seen.places -= 1
      return true
    },
    giveBack: () => {
      seen.places += 1
    },
  }
  const takeFrom = (due: () => Promise<string | undefined>) =>
    whilePlaces(admission, () => {
      seen.looked += 1
      return due()
    })
  return { seen, takeFrom }
}

test('due work is taken while there are places, and is left alone without one', async () => {
  const { seen, takeFrom } = openLab(1)
  const take = takeFrom(async () => 'payment')
  expect(await take()).toBe('payment')
  expect(await take()).toBeUndefined()
  expect(seen).toEqual({ places: 0, looked: 1 })
})

test('a place that no work needed is given back', async () => {
  const { seen, takeFrom } = openLab(1)
  expect(await takeFrom(async () => undefined)()).toBeUndefined()
  expect(seen.places).toBe(1)
})

test('a place is given back when the database is away, and the error is passed on', async () => {
  const { seen, takeFrom } = openLab(1)
  const take = takeFrom(async () => Promise.reject(new Error('away')))
  await expect(take()).rejects.toThrow('away')
  expect(seen.places).toBe(1)
})
