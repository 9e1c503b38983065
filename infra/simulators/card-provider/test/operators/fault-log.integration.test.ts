import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Simulator } from '../../../start-simulator.ts'
import { startSimulator, withToken } from '../../../start-simulator.ts'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { newPayment, openProviders } from '../provider.ts'

const faultsMain = new URL('../../../../faults/src/main.ts', import.meta.url)

const open = new AsyncDisposableStack()
let providers: Providers
let faults: Simulator
let provider: Provider

beforeAll(async () => {
  providers = open.use(await openProviders())
  faults = await startFaults('0')
  provider = await start('provider.jsonl')
})
afterAll(() => open.disposeAsync())
beforeEach(async () => {
  await provider.resetSettings()
})

/** Starts the process that keeps the fault log. */
async function startFaults(port: string): Promise<Simulator> {
  const env = { PORT: port, FAULT_LOG: providers.file('faults.jsonl') }
  return open.adopt(await startSimulator(faultsMain, env), each => each.kill())
}

function start(name: string, faultLogUrl = faults.url): Promise<Provider> {
  return providers.start(name, { FAULT_LOG_URL: faultLogUrl })
}

type Line = { seq: number; action: string; name: string; kind: string; value: unknown }

async function faultLogLines(after = 0): Promise<Line[]> {
  const text = await readFile(providers.file('faults.jsonl'), 'utf8')
  const lines = text === '' ? [] : text.trimEnd().split('\n')
  return lines.map(line => JSON.parse(line)).filter(({ seq }) => seq > after)
}

/** Reads the lines since the last call, as "action name value". */
let lastRead = 0
async function newLines(): Promise<string[]> {
  const lines = await faultLogLines(lastRead)
  lastRead = lines.at(-1)?.seq ?? lastRead
  return lines.map(({ action, name, value }) => `${action} ${name} ${value}`)
}

async function openFaults(): Promise<string[]> {
  const response = await fetch(`${faults.url}/fault-log/open`, { headers: withToken })
  const lines = (await response.json()) as Line[]
  return lines.map(({ name }) => name)
}

describe('the fault log', () => {
  test('has the begin, the changes and the end of a setting, with the settings that refine it', async () => {
    await newLines()
    await provider.changeSettings({ silence: 'after', silenceRate: 0.25 })
    expect((await faultLogLines()).at(-1)).toMatchObject({
      kind: 'setting',
      action: 'begin',
      name: 'card-provider/silence',
      value: 'after',
      silenceRate: 0.25,
    })
    await provider.changeSettings({ silence: 'before' })
    await provider.changeSettings({ silence: 'before' })
    await provider.changeSettings({ silenceRate: 0.5 })
    expect(await openFaults()).toEqual(['card-provider/silence'])
    await provider.changeSettings({ silence: 'none' })
    expect(await newLines()).toEqual([
      'begin card-provider/silence after',
      'change card-provider/silence before',
      'change card-provider/silence before',
      'end card-provider/silence none',
    ])
    expect(await openFaults()).toEqual([])
  })

  test('has no line about a setting that is no fault by itself', async () => {
    await newLines()
    await provider.changeSettings({ seed: 5, silenceRate: 0.5, lateRate: 0.5, quotaPerSecond: 5 })
    await provider.changeSettings({ keyWindowSeconds: 60 })
    expect(await newLines()).toEqual([])
  })

  test('has one line for each of several settings, and a reset ends them all', async () => {
    await newLines()
    await provider.changeSettings({ latencyMs: 1, declineRate: 0.1, quotaPerSecond: 100 })
    expect((await provider.resetSettings()).body).toMatchObject({ latencyMs: 0, quotaPerSecond: 0 })
    expect((await newLines()).toSorted()).toEqual([
      'begin card-provider/declineRate 0.1',
      'begin card-provider/latencyMs 1',
      'end card-provider/declineRate 0',
      'end card-provider/latencyMs 0',
    ])
  })

  test('has concurrent changes one after the other', async () => {
    await newLines()
    const rates = [0.1, 0.2, 0.3, 0.4]
    await Promise.all(rates.map(declineRate => provider.changeSettings({ declineRate })))
    await provider.resetSettings()
    const actions = (await newLines()).map(line => line.split(' ')[0])
    expect(actions).toEqual(['begin', 'change', 'change', 'change', 'end'])
  })

  test('gets the end of a fault from a stop, and after a kill from the next start', async () => {
    const stopped = await start('stopped.jsonl')
    await stopped.changeSettings({ latencyMs: 1 })
    expect(await openFaults()).toEqual(['card-provider/latencyMs'])
    expect(await stopped.stop()).toBe(0)
    expect(await openFaults()).toEqual([])

    const killed = await start('stopped.jsonl')
    await killed.changeSettings({ latencyMs: 1 })
    await killed.kill()
    expect(await openFaults()).toEqual(['card-provider/latencyMs'])
    const next = await start('stopped.jsonl')
    await waitUntil('the fault log is corrected', async () => (await openFaults()).length === 0)
    await next.kill()
  })
})

test('without a reachable fault log no fault begins, and the end of a fault is logged later', async () => {
  await provider.changeSettings({ latencyMs: 1 })
  const { port } = new URL(faults.url)
  await faults.kill()
  await newLines()

  const refused = await provider.changeSettings({ silence: 'before', latencyMs: 0 })
  expect(refused.status).toBe(502)
  expect(refused.body.error.message).toContain('nothing was changed')
  expect((await provider.get('/settings')).body).toMatchObject({ silence: 'none', latencyMs: 1 })

  const ended = await provider.changeSettings({ latencyMs: 0 })
  expect(ended.status).toBe(502)
  expect(ended.body.error.message).toContain('the settings are changed')
  expect((await provider.get('/settings')).body).toMatchObject({ latencyMs: 0 })
  expect((await provider.changeSettings({ seed: 3 })).status).toBe(200)
  expect((await provider.charge(newPayment())).status).toBe(200)

  faults = await startFaults(port)
  await waitUntil('the fault log is corrected', async () => (await openFaults()).length === 0)
  expect(await newLines()).toEqual(['end card-provider/latencyMs 0'])
  expect((await provider.changeSettings({ silence: 'before' })).status).toBe(200)
  expect(await newLines()).toEqual(['begin card-provider/silence before'])
})

test('a fault log that does not answer delays a change by about a second, and nothing is changed', async () => {
  const silentServer = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(silentServer, 'listening')
  const { port } = silentServer.address() as AddressInfo
  const waiting = await start('silent.jsonl', `http://127.0.0.1:${port}`)
  const { status, body } = await waiting.changeSettings({ latencyMs: 1 })
  expect([status, body.error.type]).toEqual([502, 'api_error'])
  expect((await waiting.get('/settings')).body.latencyMs).toBe(0)
  expect(await waiting.stop()).toBe(0)
  silentServer.close()
})
