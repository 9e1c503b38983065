import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findHaproxy } from '../src/parts/haproxy.ts'
import { findFreePorts } from '../src/ports/free-ports.ts'
import { awaitInstances, readInstances } from '../src/proxy/await-instances.ts'
import { haproxyConfig } from '../src/proxy/haproxy-config.ts'
import { proxyLimits } from '../src/proxy/limits.ts'
import { waitUntil } from '../src/wait-until.ts'
import { openScratch, toolsDir } from './parts-process.ts'

const host = '127.0.0.1'
const patienceMs = 10_000
const fetchMs = 300_000

let open: AsyncDisposableStack

beforeEach(() => {
  open = new AsyncDisposableStack()
})
afterEach(() => open.disposeAsync())

/** Two instances of payments that a test scripts, behind HAProxy with the real configuration. */
async function openProxied() {
  const [port = 0, pages = 0, ...ports] = await findFreePorts(6)
  const instances = ['payments', 'payments-2'].map((name, at) => ({
    name,
    host,
    port: ports[2 * at] ?? 0,
    operationsPort: ports[2 * at + 1] ?? 0,
  }))
  const scripted = await Promise.all(instances.map(openInstance))
  const found = await findHaproxy({ toolsDir })
  if (found.how === 'missing') throw new Error(`${found.needed} is missing: ${found.fix}`)
  const scratch = open.use(await openScratch())
  const file = join(scratch.dir, 'haproxy.cfg')
  const services = [{ name: 'payments', port, instances }] as const
  await writeFile(file, haproxyConfig({ host, operationsPort: pages, services }))
  const { program, libraries } = found.run
  const child = spawn(program, ['-db', '-f', file], {
    env: libraries === '' ? {} : { LD_LIBRARY_PATH: libraries },
    stdio: 'ignore',
  })
  open.defer(() => end(child))
  const statsUrl = `http://${host}:${pages}/stats`
  await awaitInstances(statsUrl, ['payments', 'payments-2'], patienceMs)
  return { url: `http://${host}:${port}`, statsUrl, instances: scripted }
}

type Scripted = {
  /** What it answers; a test may change it. */
  answer: RequestListener
  isReady: boolean
  requests: number
  server: Server
}

async function openInstance(place: { name: string; port: number; operationsPort: number }) {
  const scripted: Scripted = {
    answer: (_request, response) => void response.end(place.name),
    isReady: true,
    requests: 0,
    server: createServer((request, response) => {
      scripted.requests += 1
      scripted.answer(request, response)
    }),
  }
  const operations = createServer((request, response) => {
    const isKnown = request.url === '/health/ready'
    response.writeHead(isKnown && scripted.isReady ? 200 : 503).end()
  })
  for (const [server, port] of [
    [scripted.server, place.port],
    [operations, place.operationsPort],
  ] as const) {
    await once(server.listen(port, host), 'listening')
    open.defer(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  return scripted
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  if (child.kill('SIGTERM')) await exited
}

async function post(url: string) {
  const answer = await fetch(`${url}/v1/payments`, { method: 'POST', body: '{}' })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

test(
  'requests go to both instances in turn, and to one alone when the other does not listen',
  async () => {
    const { url, instances } = await openProxied()
    const names = [(await post(url)).text, (await post(url)).text]
    expect(names.toSorted()).toEqual(['payments', 'payments-2'])
    const [first] = instances
    first?.server.closeAllConnections()
    first?.server.close()
    // Before any check has noticed: the connection fails, so nothing was sent, and it is tried again.
    for (let asked = 0; asked < 6; asked += 1) {
      expect(await post(url)).toMatchObject({ status: 200, text: 'payments-2' })
    }
  },
  fetchMs,
)

test('a request that was sent is never sent again: its outcome is unknown, and the caller is told so', async () => {
  const { url, instances } = await openProxied()
  for (const instance of instances) instance.answer = request => void request.socket.destroy()
  const { status, headers, text } = await post(url)
  expect(instances.reduce((sum, { requests }) => sum + requests, 0)).toBe(1)
  expect(status).toBe(502)
  expect(headers.get('content-type')).toContain('application/problem+json')
  expect(JSON.parse(text)).toMatchObject({ type: '/problems/unavailable', status: 502 })
})

test('an answer that takes longer than the budget of the service is not waited for', async () => {
  const { url, instances } = await openProxied()
  for (const instance of instances) instance.answer = () => {}
  const startedMs = performance.now()
  const { status, text } = await post(url)
  const tookMs = performance.now() - startedMs
  expect(status).toBe(504)
  expect(JSON.parse(text)).toMatchObject({ type: '/problems/unavailable' })
  expect(tookMs).toBeGreaterThan(proxyLimits.answerMs.payments - 100)
  expect(tookMs).toBeLessThan(proxyLimits.answerMs.payments + 2_000)
})

test('without an instance a request is refused at once, and nothing was begun', async () => {
  const { url, statsUrl, instances } = await openProxied()
  for (const instance of instances) instance.isReady = false
  const areDown = async () =>
    (await readInstances(statsUrl)).every(({ state }) => state.startsWith('DOWN'))
  expect(await waitUntil(areDown, patienceMs)).toBe(true)
  const { status, headers, text } = await post(url)
  expect(status).toBe(503)
  expect(headers.get('retry-after')).toBe('1')
  expect(JSON.parse(text)).toMatchObject({
    type: '/problems/overloaded',
    status: 503,
    instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  expect(instances.map(({ requests }) => requests)).toEqual([0, 0])
})

test('an instance that is not ready gets no new request in time, and finishes the one that it has', async () => {
  const { url, instances } = await openProxied()
  const slow = Promise.withResolvers<void>()
  for (const instance of instances) {
    instance.answer = async (_request, response) => {
      await slow.promise
      response.end('late')
    }
  }
  const pending = [post(url), post(url)]
  await waitUntil(() => instances.every(({ requests }) => requests === 1), patienceMs, 10)
  const [first, second] = instances
  if (first === undefined || second === undefined) throw new Error('there are two')
  second.answer = (_request, response) => void response.end('second')
  first.isReady = false
  const stoppedMs = performance.now()
  // Each pair of requests goes to both instances, as long as both get some.
  const isLeftOut = async () => {
    const before = first.requests
    const asked = [post(url), post(url)]
    await Promise.race([Promise.all(asked), waitUntil(() => first.requests > before, 500, 10)])
    pending.push(...asked)
    return first.requests === before
  }
  expect(await waitUntil(isLeftOut, patienceMs, 10)).toBe(true)
  expect(performance.now() - stoppedMs).toBeLessThan(proxyLimits.drainMs)
  slow.resolve()
  for (const { status } of await Promise.all(pending)) expect(status).toBe(200)
})
