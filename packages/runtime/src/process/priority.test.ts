import { expect, test } from 'vitest'
import { inBackground, priorityOf } from './priority.ts'

test('the next service is told who asks again, and not what only a job of ours may say', () => {
  const told = (headers: Record<string, string>) => priorityOf({ headers })
  expect(told({ 'x-retry-attempt': '3', ...inBackground })).toEqual({ 'x-retry-attempt': '3' })
})

test.each(['0', '-1', '1; drop', '1000', ''])(
  'a number of attempts like "%s" is none',
  attempts => {
    expect(priorityOf({ headers: { 'x-retry-attempt': attempts } })).toEqual({})
  },
)
