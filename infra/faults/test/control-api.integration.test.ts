import { writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { Toxiproxy } from 'toxiproxy-node-client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { controlToken, withToken } from '../../simulators/start-simulator.ts'
import { waitUntil } from '../../simulators/wait-until.ts'
import {
  type Backend,
  echo,
  makeDirectory,
  openBackend,
  openClient,
  type Rig,
  roundTrip,
  startRig,
} from './rig.ts'

let directory: Awaited<ReturnType<typeof makeDirectory>>
let rig: Rig
let backend: Backend
let upstream: string

beforeAll(async () => {
  directory = await makeDirectory()
  backend = await openBackend(echo)
  upstream = `127.0.0.1:${backend.port}`
  const links = JSON.stringify([{ name: 'ready', listen: '127.0.0.1:0', upstream }])
  rig = await startRig(directory.path, { LINKS: links })
})

afterAll(async () => {
  await rig.stop()
  await backend.close()
  await directory.remove()
})

async function ask(method: string, path: string, body?: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const init = { method, headers: withToken, ...(text === undefined ? {} : { body: text }) }
  const response = await fetch(`${rig.url}${path}`, init)
  const answer = await response.text()
  // biome-ignore lint/suspicious/noExplicitAny: each test asserts on the shape of what it asked for
  return { status: response.status, body: (answer ? JSON.parse(answer) : undefined) as any }
}

test('a link of the settings exists from the start', async () => {
  const { body } = await ask('GET', '/proxies')
  expect(body.ready).toEqual({
    name: 'ready',
    listen: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    upstream,
    enabled: true,
    toxics: [],
  })
  await roundTrip(await openClient(Number(body.ready.listen.split(':')[1])), 'hello')
  expect(await ask('GET', '/version')).toEqual({ status: 200, body: { version: '2.12.0' } })
})

test('a link of the settings keeps its addresses, and stays', async () => {
  const link = (await ask('GET', '/proxies/ready')).body
  const elsewhere = { ...link, upstream: '127.0.0.1:9' }
  for (const [method, path, body] of [
    ['POST', '/proxies/ready', { upstream: '127.0.0.1:9' }],
    ['PATCH', '/proxies/ready', { listen: '127.0.0.1:0' }],
    ['POST', '/populate', [elsewhere]],
    ['DELETE', '/proxies/ready', undefined],
  ] as const) {
    expect((await ask(method, path, body)).status).toBe(403)
  }
  expect(await ask('POST', '/populate', [link])).toMatchObject({ status: 201 })
  expect((await ask('GET', '/proxies/ready')).body).toEqual(link)
})

test.each(['0.0.0.0:0', '192.0.2.1:0', '[::]:0'])('no proxy listens on %s', async listen => {
  const made = await ask('POST', '/proxies', { name: 'open', listen, upstream })
  expect(made).toMatchObject({ status: 400, body: { error: expect.stringContaining('127.0.0.1') } })
  expect((await ask('GET', '/proxies/open')).status).toBe(404)
})

describe('settings', () => {
  const links = [{ name: 'filed', listen: '127.0.0.1:0', upstream: '127.0.0.1:9', enabled: false }]

  test('a file may hold the links, and a link may start disabled', async () => {
    const elsewhere = await makeDirectory()
    const file = join(elsewhere.path, 'links.json')
    await writeFile(file, JSON.stringify(links))
    const other = await startRig(elsewhere.path, { PROXIES_FILE: file })
    expect(await other.faults.list()).toEqual([{ ...links[0], toxics: [] }])
    expect(await other.stop()).toBe(0)
    await elsewhere.remove()
  })

  test.each([
    [{ LINKS: '[]', PROXIES_FILE: 'links.json' }, 'give LINKS or PROXIES_FILE, not both'],
    [{ LINKS: 'web' }, 'LINKS is not JSON'],
    [{ SEED: '0x10' }, 'SEED must be a whole number'],
    [{ SEED: '1e1' }, 'SEED must be a whole number'],
    [{ PORT: '0x10' }, 'PORT must be a port'],
    [{ LINKS: '[{"name":"web"}]' }, 'missing required field: upstream at proxy 1'],
    [{ FAULT_LOG: '' }, 'FAULT_LOG is missing'],
    [{ SEED: 'luck' }, 'SEED must be a whole number'],
    [{ SEED: '0x10' }, 'SEED must be a whole number'],
    [{ SEED: '1e3' }, 'SEED must be a whole number'],
  ])('%o is refused at the start', async (env, message) => {
    const elsewhere = await makeDirectory()
    await expect(startRig(elsewhere.path, env)).rejects.toThrow(message)
    await elsewhere.remove()
  })
})

describe('the API answers like Toxiproxy', () => {
  beforeEach(async () => {
    expect((await ask('POST', '/proxies', { name: 'web', listen: ':0', upstream })).status).toBe(
      201,
    )
  })

  afterEach(async () => {
    await ask('DELETE', '/proxies/web')
  })

  test('a toxic gets its default name, stream, toxicity and attributes', async () => {
    const toxic = {
      name: 'latency_downstream',
      type: 'latency',
      stream: 'downstream',
      toxicity: 1,
      attributes: { latency: 7, jitter: 0 },
    }
    const body = { type: 'latency', attributes: { latency: 7 } }
    expect(await ask('POST', '/proxies/web/toxics', body)).toEqual({ status: 200, body: toxic })
    expect((await ask('GET', '/proxies/web/toxics')).body).toEqual([toxic])
    expect((await ask('GET', '/proxies/web/toxics/latency_downstream')).body).toEqual(toxic)
    expect((await ask('GET', '/proxies/web')).body.toxics).toEqual([toxic])
    const change = await ask('POST', '/proxies/web/toxics/latency_downstream', {
      attributes: { jitter: 2 },
    })
    expect(change.body).toEqual({ ...toxic, attributes: { latency: 7, jitter: 2 } })
    expect((await ask('DELETE', '/proxies/web/toxics/latency_downstream')).status).toBe(204)
    expect((await ask('GET', '/proxies/web/toxics')).body).toEqual([])
  })

  test.each([
    ['GET', '/proxies/none', undefined, 404, 'proxy not found'],
    ['DELETE', '/proxies/none', undefined, 404, 'proxy not found'],
    ['POST', '/proxies/none/toxics', { type: 'latency' }, 404, 'proxy not found'],
    ['GET', '/proxies/web/toxics/none', undefined, 404, 'toxic not found'],
    ['PATCH', '/proxies/web/toxics/none', {}, 404, 'toxic not found'],
    ['DELETE', '/proxies/web/toxics/none', undefined, 404, 'toxic not found'],
    ['POST', '/proxies', { name: 'web', upstream: 'a:1' }, 409, 'proxy already exists'],
    ['POST', '/proxies', { upstream: 'a:1' }, 400, 'missing required field: name'],
    ['POST', '/proxies', { name: '', upstream: 'a:1' }, 400, 'missing required field: name'],
    ['POST', '/proxies', { name: 'x' }, 400, 'missing required field: upstream'],
    ['POST', '/proxies', { name: 'x\u009b', upstream: 'a:1' }, 400, 'bad request body'],
    ['POST', '/proxies', { name: 'x\u202ey', upstream: 'a:1' }, 400, 'bad request body'],
    ['POST', '/proxies', '{', 400, 'bad request body'],
    ['POST', '/proxies', [], 400, 'bad request body'],
    ['PATCH', '/proxies/web', '{"enabled":true,"enabled":false}', 400, '"enabled" is there twice'],
    ['POST', '/proxies/web/toxics', '{"type":"timeout","__proto__":{}}', 400, '__proto__'],
    ['POST', '/proxies', { name: 'x', upstream: 'nowhere' }, 400, 'upstream must be host:port'],
    ['PATCH', '/proxies/web', { enabled: 'no' }, 400, 'enabled must be boolean'],
    ['POST', '/proxies/web/toxics', { type: 'plague' }, 400, 'invalid toxic type'],
    ['POST', '/proxies/web/toxics', { type: 'constructor' }, 400, 'invalid toxic type'],
    ['POST', '/proxies/web/toxics', { type: 'latency', stream: 'x' }, 400, 'stream was invalid'],
    ['POST', '/proxies/web/toxics', { type: 'latency', toxicity: 2 }, 400, 'toxicity'],
    ['POST', '/proxies/web/toxics', { type: 'slicer' }, 400, 'average_size'],
    [
      'POST',
      '/proxies/web/toxics',
      { type: 'latency', attributes: { latency: '5' } },
      400,
      'attributes.latency',
    ],
    ['PUT', '/proxies', {}, 404, 'no such resource'],
  ])('%s %s %o: %i %s', async (method, path, body, status, message) => {
    const answer = await ask(method, path, body)
    expect(answer).toEqual({ status, body: { error: expect.stringContaining(message), status } })
  })

  test('a field that is null or empty counts as not given', async () => {
    const body = { name: 'blank', listen: '', upstream, enabled: null }
    expect(await ask('POST', '/proxies', body)).toMatchObject({
      status: 201,
      body: { listen: expect.stringMatching(/^127\.0\.0\.1:\d+$/), enabled: true },
    })
    const toxic = { type: 'latency', name: null, attributes: { latency: null } }
    expect(await ask('POST', '/proxies/blank/toxics', toxic)).toMatchObject({
      body: { name: 'latency_downstream', attributes: { latency: 0, jitter: 0 } },
    })
    await ask('DELETE', '/proxies/blank')
  })

  test('a second toxic of the same name is a conflict', async () => {
    await ask('POST', '/proxies/web/toxics', { type: 'timeout' })
    const again = await ask('POST', '/proxies/web/toxics', { type: 'timeout' })
    expect(again).toEqual({ status: 409, body: { error: 'toxic already exists', status: 409 } })
  })

  test('a proxy on a taken port is refused and not kept', async () => {
    const body = { name: 'taken', listen: `127.0.0.1:${backend.port}`, upstream }
    expect(await ask('POST', '/proxies', body)).toMatchObject({
      status: 500,
      body: { status: 500 },
    })
    expect((await ask('GET', '/proxies/taken')).status).toBe(404)
  })

  test('the upstream of a proxy can change while it runs', async () => {
    const { listen } = (await ask('GET', '/proxies/web')).body
    const other = await openBackend(socket => socket.end('elsewhere'))
    const moved = { upstream: `127.0.0.1:${other.port}` }
    expect((await ask('POST', '/proxies/web', moved)).body).toMatchObject({ ...moved, listen })
    const client = await openClient(Number(listen.split(':')[1]))
    await waitUntil('it is there', () => client.text() === 'elsewhere')
    client.socket.destroy()
    await other.close()
  })

  test('populate keeps equal proxies, replaces others, and answers those before an error', async () => {
    await ask('POST', '/proxies/web/toxics', { type: 'timeout' })
    const { listen } = (await ask('GET', '/proxies/web')).body
    const same = { name: 'web', listen, upstream }
    const kept = await ask('POST', '/populate', [same])
    expect(kept).toMatchObject({ status: 201, body: { proxies: [{ ...same, toxics: [{}] }] } })
    const replaced = await ask('POST', '/populate', [{ ...same, upstream: '127.0.0.1:9' }])
    expect(replaced.body.proxies).toMatchObject([{ upstream: '127.0.0.1:9', toxics: [] }])
    const taken = { name: 'taken', listen: `127.0.0.1:${backend.port}`, upstream }
    const half = await ask('POST', '/populate', [same, taken])
    expect(half).toMatchObject({ status: 500, body: { status: 500, proxies: [{ name: 'web' }] } })
    expect(half.body.proxies).toHaveLength(1)
  })

  test('a browser is refused', async () => {
    const headers = { ...withToken, 'user-agent': 'Mozilla/5.0' }
    const status = await new Promise(resolve => {
      get(`${rig.url}/proxies`, { headers }, answer => resolve(answer.resume().statusCode))
    })
    expect(status).toBe(403)
  })
})

test('the Node client of Toxiproxy works with it', async () => {
  const toxiproxy = new Toxiproxy(`${rig.url}/token/${controlToken}`)
  const proxy = await toxiproxy.createProxy({ name: 'npm', listen: '127.0.0.1:0', upstream })
  const client = await openClient(Number(proxy.listen.split(':')[1]))
  const toxic = await proxy.addToxic({
    name: 'slow',
    type: 'latency',
    stream: 'downstream',
    toxicity: 1,
    attributes: { latency: 120, jitter: 0 },
  })
  expect(await roundTrip(client, 'slow')).toBeGreaterThan(115)
  const updated = await toxic.update({ ...toxic.toJson(), attributes: { latency: 40, jitter: 0 } })
  expect(updated.attributes).toEqual({ latency: 40, jitter: 0 })
  expect(await roundTrip(client, 'faster')).toBeLessThan(120)
  await toxic.remove()
  expect(await roundTrip(client, 'fast')).toBeLessThan(40)
  await expect(proxy.getToxic('slow')).rejects.toThrow('404')

  const { enabled, listen } = proxy
  await proxy.update({ enabled: !enabled, listen, upstream })
  await waitUntil('the client is cut', () => client.ended() || client.closed())
  await toxiproxy.reset()
  expect(Object.values(await toxiproxy.getAll()).every(each => each.enabled)).toBe(true)
  await (await toxiproxy.get('npm')).remove()
  await expect(toxiproxy.get('npm')).rejects.toThrow('404')
})
