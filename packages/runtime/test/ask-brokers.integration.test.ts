import { once } from 'node:events'
import { createServer } from 'node:net'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { expect, inject, test } from 'vitest'
import { askBrokers } from '../src/kafka/ask-brokers.ts'
import { openLog } from '../src/telemetry/logger.ts'

const log = openLog('asking', { write: () => {} })

test('a broker that works answers, again and again', async () => {
  const ask = askBrokers('asking', inject('parts').kafkaBrokers, log)
  await expect(ask()).resolves.toMatchObject({ brokers: [{}] })
  await expect(ask()).resolves.toMatchObject({ brokers: [{}] })
})

test('a port without a broker rejects, and is asked anew the next time', async () => {
  const [port] = await findFreePorts(1)
  const ask = askBrokers('asking', `127.0.0.1:${port}`, log)
  await expect(ask()).rejects.toThrow()
  await expect(ask()).rejects.toThrow()
})

test('a broker that is silent holds one connection, however many ask', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  let connections = 0
  silent.on('connection', socket => {
    connections += 1
    socket.on('error', () => {}) // the asking side has given up
  })
  const address = silent.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const ask = askBrokers('asking', `127.0.0.1:${port}`, log)
  const asked = [ask(), ask(), ask()]
  for (const one of asked) one.catch(() => undefined) // it ends when the server does
  const [socket] = await once(silent, 'connection')
  expect(connections).toBe(1)
  expect(new Set(asked).size).toBe(1)
  socket.destroy()
  await expect(asked[0]).rejects.toThrow()
  silent.close()
})
