import { expect, test } from 'vitest'
import { type Books, bookMistakes } from './row-counts.ts'

const right: Books = {
  ...{ payments: 3, captured: 3, posted: 3 },
  ...{ unbalanced: 0, told: 3, answered: 3 },
}
const all = { keys: true, outbox: true }

test('books in which everything is there as often as there are payments are right', () => {
  expect(bookMistakes(right, all)).toEqual([])
})

test.each<[keyof Books, number, string]>([
  ['captured', 2, '2 captured of 3'],
  ['posted', 2, '2 posted of 3'],
  ['posted', 4, '4 posted of 3'],
  ['told', 2, '2 told of 3'],
  ['answered', 2, '2 answered of 3'],
  ['unbalanced', 1, '1 postings are not balanced'],
])('%s %i is a mistake', (name, count, mistake) => {
  expect(bookMistakes({ ...right, [name]: count }, all)).toEqual([mistake])
})

test('what a contender does not keep is not missed', () => {
  const without = { ...right, told: 0, answered: 0 }
  expect(bookMistakes(without, { keys: false, outbox: false })).toEqual([])
})
