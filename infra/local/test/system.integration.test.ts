import { expect, inject, test } from 'vitest'
import { openTestSystem } from '../src/test-system.ts'

test('a system of its own starts, answers and leaves nothing', async () => {
  const t = performance.now()
  await using system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider'],
  })
  console.log('open', performance.now() - t)
  expect((await fetch(`${system.urls.cardProvider}/health`)).status).toBe(200)
})
