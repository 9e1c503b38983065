import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { afterMs, countStalls, LocalStall } from './lag-aware-timer.ts'

/** Keeps the event loop busy, as a large JSON text or a garbage collection does. */
function stallFor(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('a timer that fires in time says nothing about a stall', async () => {
  const before = countStalls()
  const stall = await new Promise(resolve => afterMs(20, resolve))
  if (countStalls() === before) expect(stall).toBeUndefined()
})

test('a timer that was cancelled never fires, also not during its last moment', async () => {
  let hasFired = false
  const cancel = afterMs(5, () => {
    hasFired = true
  })
  stallFor(60)
  // The timer has fired late by now and waits for its last moment.
  await new Promise(resolve => setImmediate(resolve))
  cancel()
  await new Promise(resolve => afterMs(30, resolve))
  expect(hasFired).toBe(false)
})

/** Both ends of one connection. A write at the one end waits in the kernel for the other. */
async function openConnection(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('it does not listen')
  const accepted = once(server, 'connection')
  const near = connect(address.port, '127.0.0.1')
  const [far] = (await accepted) as [Socket]
  for (const socket of [near, far]) socket.on('error', () => {}) // resets at the end of a test
  return {
    near,
    far,
    close: () => {
      near.destroy()
      far.destroy()
      server.close()
    },
  }
}

test('an answer that arrived during a stall is read before the timer expires', async () => {
  const { near, far, close } = await openConnection()
  const first = await new Promise(resolve => {
    near.on('data', () => resolve('answer'))
    far.write('an answer')
    afterMs(10, stall => resolve(stall ?? 'expired in time'))
    stallFor(100)
  })
  close()
  expect(first).toBe('answer')
})

test('a bare timer expires before an answer that is already there is read', async () => {
  const { near, far, close } = await openConnection()
  const first = await new Promise(resolve => {
    near.on('data', () => resolve('answer'))
    far.write('an answer')
    setTimeout(() => resolve('expired'), 10)
    stallFor(100)
  })
  close()
  expect(first).toBe('expired')
})

test('a stall without an answer expires, says how long it was, and is counted', async () => {
  const before = countStalls()
  const stall = await new Promise<unknown>(resolve => {
    afterMs(10, resolve)
    stallFor(100)
  })
  expect(stall).toBeInstanceOf(LocalStall)
  expect(String(stall)).toMatch(/stalled for \d+ ms/)
  expect(countStalls()).toBe(before + 1)
})
