import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { runClosedLoop } from './closed-loop.ts'

const measureMs = 400

/** A server that refuses every second request. */
async function measure(perSecond?: number) {
  let count = 0
  const server = createServer((_request, response) => {
    count += 1
    response.writeHead(count % 2 === 0 ? 503 : 200, { 'content-length': 0 }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const nextRequest = () => 'GET / HTTP/1.1\r\nhost: here\r\n\r\n'
  try {
    return await runClosedLoop({
      port,
      connections: 4,
      warmUpMs: 0,
      measureMs,
      nextRequest,
      ...(perSecond !== undefined && { perSecond }),
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

test('a loop with a pace sends no more than that, over all connections', async () => {
  const { goodPerSecond, refused } = await measure(50)
  const answers = (goodPerSecond * measureMs) / 1_000 + refused
  expect(answers).toBeGreaterThan(0)
  expect(answers).toBeLessThanOrEqual((50 * measureMs) / 1_000 + 2)
})

test('a loop without a pace sends as soon as it is answered', async () => {
  const { goodPerSecond } = await measure()
  expect(goodPerSecond).toBeGreaterThan(100)
})
