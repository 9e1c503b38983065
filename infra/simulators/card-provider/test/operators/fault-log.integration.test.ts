import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Simulator } from '../../../start-simulator.ts'
import { startSimulator } from '../../../start-simulator.ts'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { openProviders, unique } from '../provider.ts'

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
  await provider.rest()
})

/** The process that keeps the log of all faults. */
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

/** What was written since the last question, as "action name value". */
let told = 0
async function news(): Promise<string[]> {
  const lines = await faultLogLines(told)
  told = lines.at(-1)?.seq ?? told
  return lines.map(({ action, name, value }) => `${action} ${name} ${value}`)
}

async function openFaults(): Promise<string[]> {
  const response = await fetch(`${faults.url}/fault-log/open`)
  const lines = (await response.json()) as Line[]
  return lines.map(({ name }) => name)
}

describe('the log of all faults', () => {
  test('has a setting that leaves rest, moves, and comes back, with what shapes it', async () => {
    await news()
    await provider.turn({ silence: 'after', silenceRate: 0.25 })
    expect((await faultLogLines()).at(-1)).toMatchObject({
      ...{ kind: 'setting', action: 'begin', name: 'card-provider/silence' },
      ...{ value: 'after', silenceRate: 0.25 },
    })
    await provider.turn({ silence: 'before' })
    await provider.turn({ silence: 'before' })
    await provider.turn({ silenceRate: 0.5 })
    expect(await openFaults()).toEqual(['card-provider/silence'])
    await provider.turn({ silence: 'none' })
    expect(await news()).toEqual([
      'begin card-provider/silence after',
      'change card-provider/silence before',
      'change card-provider/silence before',
      'end card-provider/silence none',
    ])
    expect(await openFaults()).toEqual([])
  })

  test('has nothing of settings that are no fault by themselves', async () => {
    await news()
    await provider.turn({ seed: 5, silenceRate: 0.5, lateRate: 0.5, quotaPerSecond: 5 })
    await provider.turn({ keyWindowSeconds: 60 })
    expect(await news()).toEqual([])
  })

  test('has each of several settings, and a reset ends them all', async () => {
    await news()
    await provider.turn({ latencyMs: 1, declineRate: 0.1, quotaPerSecond: 100 })
    expect((await provider.rest()).body).toMatchObject({ latencyMs: 0, quotaPerSecond: 0 })
    expect((await news()).toSorted()).toEqual([
      'begin card-provider/declineRate 0.1',
      'begin card-provider/latencyMs 1',
      'end card-provider/declineRate 0',
      'end card-provider/latencyMs 0',
    ])
  })

  test('hears of turns made at once one after the other', async () => {
    await news()
    const rates = [0.1, 0.2, 0.3, 0.4]
    await Promise.all(rates.map(declineRate => provider.turn({ declineRate })))
    await provider.rest()
    const actions = (await news()).map(line => line.split(' ')[0])
    expect(actions).toEqual(['begin', 'change', 'change', 'change', 'end'])
  })

  test('is told of the end by a stop, and after a kill by the next start', async () => {
    const stopped = await start('stopped.jsonl')
    await stopped.turn({ latencyMs: 1 })
    expect(await openFaults()).toEqual(['card-provider/latencyMs'])
    expect(await stopped.stop()).toBe(0)
    expect(await openFaults()).toEqual([])

    const killed = await start('stopped.jsonl')
    await killed.turn({ latencyMs: 1 })
    await killed.kill()
    expect(await openFaults()).toEqual(['card-provider/latencyMs'])
    const next = await start('stopped.jsonl')
    await waitUntil('it is put right', async () => (await openFaults()).length === 0)
    await next.kill()
  })
})

test('while the log is away no fault begins; one that is turned off ends, and is told later', async () => {
  await provider.turn({ latencyMs: 1 })
  const { port } = new URL(faults.url)
  await faults.kill()
  await news()

  const refused = await provider.turn({ silence: 'before', latencyMs: 0 })
  expect(refused.status).toBe(502)
  expect(refused.body.error.message).toContain('nothing was changed')
  expect((await provider.get('/settings')).body).toMatchObject({ silence: 'none', latencyMs: 1 })

  const ended = await provider.turn({ latencyMs: 0 })
  expect(ended.status).toBe(502)
  expect(ended.body.error.message).toContain('the settings are changed')
  expect((await provider.get('/settings')).body).toMatchObject({ latencyMs: 0 })
  expect((await provider.turn({ seed: 3 })).status).toBe(200)
  expect((await provider.charge(unique())).status).toBe(200)

  faults = await startFaults(port)
  await waitUntil('it is put right', async () => (await openFaults()).length === 0)
  expect(await news()).toEqual(['end card-provider/latencyMs 0'])
  expect((await provider.turn({ silence: 'before' })).status).toBe(200)
  expect(await news()).toEqual(['begin card-provider/silence before'])
})

test('a log that does not answer holds a turn for about a second, and it is not made', async () => {
  const mute = createServer(() => undefined).listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const { port } = mute.address() as AddressInfo
  const waiting = await start('mute.jsonl', `http://127.0.0.1:${port}`)
  const { status, body } = await waiting.turn({ latencyMs: 1 })
  expect([status, body.error.type]).toEqual([502, 'api_error'])
  expect((await waiting.get('/settings')).body.latencyMs).toBe(0)
  expect(await waiting.stop()).toBe(0)
  mute.close()
})
