import { expect, test } from 'vitest'
import { lookAgain } from './supervisor.ts'

test('a look at the processes that fails is reported, and the next one is made', async () => {
  const over = new AbortController()
  const failures: string[] = []
  let looks = 0
  await lookAgain(
    async () => {
      looks += 1
      if (looks === 3) over.abort()
      throw new Error(`ps failed ${looks}`)
    },
    1,
    over.signal,
    error => failures.push(String(error)),
  )
  expect(failures).toEqual(['Error: ps failed 1', 'Error: ps failed 2', 'Error: ps failed 3'])
})
