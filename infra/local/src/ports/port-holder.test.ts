import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { findFreePorts, isTaken } from './free-ports.ts'
import { findPortHolder, listenersIn } from './port-holder.ts'

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0FA1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:0FA1 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
   2: 0100007F:0FA2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1`

test('only the listening socket counts, not the connections through the same port', () => {
  expect(listenersIn(table, 4001)).toEqual(['4711'])
  expect(listenersIn(table, 4003)).toEqual([])
})

test('the process that listens on a port is named with its pid', async () => {
  const [port = 0] = await findFreePorts(1)
  expect(await isTaken(port)).toBe(false)
  await using server = createServer()
  await new Promise<void>(done => server.listen(port, '127.0.0.1', done))
  expect(await isTaken(port)).toBe(true)
  expect(await findPortHolder(port)).toContain(`(pid ${process.pid})`)
})

test('free ports are different ones', async () => {
  const ports = await findFreePorts(20)
  expect(new Set(ports).size).toBe(20)
})
