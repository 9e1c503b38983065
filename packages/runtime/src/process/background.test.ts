import { once } from 'node:events'
import { expect, test } from 'vitest'
import { runInBackground } from './background.ts'

test('what was opened earlier closes only after every task has ended', async () => {
  const order: string[] = []
  const open = new AsyncDisposableStack()
  open.defer(() => void order.push('connection closed'))
  const task = (name: string) => async (signal: AbortSignal) => {
    await once(signal, 'abort')
    await new Promise(setImmediate)
    order.push(`${name} ended`)
  }
  runInBackground(open, [task('relay'), task('reconciler')])
  await open.disposeAsync()
  expect(order).toEqual(['relay ended', 'reconciler ended', 'connection closed'])
})

test('a task that fails at the stop does not cut the others off', async () => {
  const order: string[] = []
  const open = new AsyncDisposableStack()
  open.defer(() => void order.push('connection closed'))
  runInBackground(open, [
    async signal => {
      await once(signal, 'abort')
      throw new Error('its last write failed')
    },
    async signal => {
      await once(signal, 'abort')
      for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
      order.push('the other ended')
    },
  ])
  await expect(open.disposeAsync()).rejects.toThrow('its last write failed')
  expect(order).toEqual(['the other ended', 'connection closed'])
})

test('a job ends while requests are still being drained, and not after them', async () => {
  const order: string[] = []
  const stop = new AbortController()
  const open = new AsyncDisposableStack()
  const ended = Promise.withResolvers<void>()
  const job = async (signal: AbortSignal) => {
    await once(signal, 'abort')
    order.push('job ended')
    ended.resolve()
  }
  runInBackground(open, [job], stop.signal)
  open.defer(async () => {
    await ended.promise
    order.push('requests drained')
  })
  stop.abort()
  await open.disposeAsync()
  expect(order).toEqual(['job ended', 'requests drained'])
})
