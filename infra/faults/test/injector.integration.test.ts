import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openTestInjector } from '@nightshift/load-tests/harness/test-injector'
import {
  openThrowAwayParts,
  type TestParts,
  type ThrowAwayParts,
} from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { askRedis } from '@nightshift/local/prepare/redis-database'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FaultProxyClient } from '../src/fault-proxy-client.ts'
import type { Injector } from '../src/injector/injector.ts'

/** These tests have their own parts: a fault of PostgreSQL must not disturb other tests. */
const opensWithinMs = 180_000
const frozenMs = 500
const soonMs = 10_000

let own: ThrowAwayParts
let parts: TestParts
let system: TestSystem
let faults: FaultProxyClient
let injector: Injector

beforeAll(async () => {
  own = await openThrowAwayParts()
  parts = own.parts
  system = await openTestSystem({
    parts,
    run: ['card-provider', 'mailbox', 'payments'],
    links: true,
  })
  if (!system.faults) throw new Error('a system with links has a fault proxy')
  faults = system.faults
  injector = openTestInjector(system, parts)
}, opensWithinMs)

afterAll(async () => {
  await system?.[Symbol.asyncDispose]()
  await own?.[Symbol.asyncDispose]()
})

type Line = Record<string, unknown> & { seq: number; kind: string; action: string; name?: string }

/** The log as it stands on disk, after a line. */
async function linesSince(seq: number): Promise<Line[]> {
  const file = join(parts.stateDir, 'data', system.prefix.slice(0, -1), 'faults/faults.jsonl')
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map(line => JSON.parse(line) as Line).filter(line => line.seq > seq)
}

async function lastSeq(): Promise<number> {
  return (await linesSince(0)).at(-1)?.seq ?? 0
}

/** The lines that an action adds to the log, such as `begin payments`, in order. */
async function logOf(act: () => Promise<unknown>): Promise<string[]> {
  const before = await lastSeq()
  await act()
  return (await linesSince(before)).map(
    ({ action, name, proxy, toxic }) =>
      `${action} ${name ?? proxy}${toxic ? ` ${(toxic as { type: string }).type}` : ''}`,
  )
}

/** The status of payments' own health, or why there was none. */
async function healthOf(timeoutMs: number): Promise<number | string> {
  const url = `${system.urls.paymentsOperations}/health/live`
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })).status
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

describe('a process', () => {
  test('that is killed is another instance when it is ready again', async () => {
    const { pid } = await system.status('payments')
    const log = await logOf(() => injector.kill('payments'))
    const now = await system.status('payments')
    expect(now.state).toBe('ready')
    expect(now.pid).not.toBe(pid)
    expect(log).toEqual(['begin payments', 'end payments'])
  })

  test('that is restarted ends by itself and is started again', async () => {
    const { pid, restarts } = await system.status('mailbox')
    expect(await logOf(() => injector.restart('mailbox'))).toEqual(['begin mailbox', 'end mailbox'])
    const now = await system.status('mailbox')
    expect(now).toMatchObject({ state: 'ready', restarts: restarts + 1 })
    expect(now.pid).not.toBe(pid)
  })

  test('that is frozen does not answer, is unready, and goes on when it is thawed', async () => {
    const { pid, restarts } = await system.status('payments')
    const log = await logOf(async () => {
      await injector.freeze('payments')
      expect(await healthOf(frozenMs)).toBe('TimeoutError')
      const isUnready = async () => (await system.status('payments')).state === 'unready'
      expect(await waitUntil(isUnready, soonMs)).toBe(true)
      expect(await faults.openFaults()).toMatchObject([
        { kind: 'process', name: 'payments', signal: 'SIGSTOP' },
      ])
      await injector.thaw('payments')
    })
    expect(await healthOf(soonMs)).toBe(200)
    expect(await system.status('payments')).toMatchObject({ state: 'ready', pid, restarts })
    expect(log).toEqual(['begin payments', 'end payments'])
  })

  test('that is stopped stays down until it is started', async () => {
    const log = await logOf(async () => {
      await injector.stop('mailbox')
      expect(await system.status('mailbox')).toMatchObject({ state: 'stopped' })
      await expect(fetch(`${system.urls.mailbox}/health`)).rejects.toThrow()
      await expect(injector.kill('mailbox')).rejects.toThrow('mailbox is stopped')
      await injector.start('mailbox')
    })
    expect((await fetch(`${system.urls.mailbox}/health`)).status).toBe(200)
    expect(log).toEqual(['begin mailbox', 'end mailbox'])
  })

  test('that is frozen and then killed has two faults in the log, and is ready again', async () => {
    const log = await logOf(async () => {
      await injector.freeze('payments')
      await expect(injector.freeze('payments')).rejects.toThrow('has a fault already')
      await injector.kill('payments')
    })
    const twice = ['begin payments', 'end payments']
    expect(log).toEqual([...twice, ...twice])
  })

  test('can be the fault proxy, whose log has the fault of its own process', async () => {
    const log = await logOf(() => injector.kill('faults'))
    expect(log.filter(line => line.endsWith(' faults'))).toEqual(['begin faults', 'end faults'])
  })
})

describe('a part', () => {
  test('that is frozen answers no client, not even a connected one', async () => {
    await withDatabase(system.databaseUrl('payments'), async db => {
      const log = await logOf(async () => {
        await injector.freeze('postgres')
        const answer = db.query('SELECT 1').then(() => 'answered')
        const early = await Promise.race([
          answer,
          Promise.resolve(waitUntil(() => false, frozenMs)),
        ])
        expect(early).toBe(false)
        await injector.thaw('postgres')
        expect(await answer).toBe('answered')
      })
      expect(log).toEqual(['begin postgres', 'end postgres'])
    })
  })

  test('that is killed is ready again', async () => {
    const log = await logOf(() => injector.kill('redis'))
    expect(log).toEqual(['begin redis', 'end redis'])
  })

  test('ends all sessions when one of them is killed', async () => {
    await withDatabase(system.databaseUrl('payments'), async db => {
      const cut = new Promise(resolve => db.once('end', resolve))
      const log = await logOf(() => injector.killBackend('payments'))
      await cut
      await expect(db.query('SELECT 1')).rejects.toThrow()
      const name = 'postgres/kill-backend'
      expect(log).toEqual([`begin ${name}`, `end ${name}`])
    })
    await system.waitReady('payments')
    await withDatabase(system.databaseUrl('payments'), async db =>
      expect((await db.query('SELECT 1')).rowCount).toBe(1),
    )
  })

  test('that is flushed has lost the keys of this system', async () => {
    const log = await logOf(async () => {
      expect(await askRedis(system.redisUrl, 'SET injector here')).toBe('+OK')
      await injector.flushRedis()
    })
    expect(await askRedis(system.redisUrl, 'EXISTS injector')).toBe(':0')
    expect(log).toEqual(['begin redis/flush', 'end redis/flush'])
  })
})

test('a changed setting is a fault in the log, and its former value is answered', async () => {
  const log = await logOf(async () => {
    const before = await injector.changeSettings('card-provider', {
      silence: 'after',
      silenceRate: 0.5,
    })
    expect(before).toEqual({ silence: 'none', silenceRate: 1 })
    expect(await injector.readSettings('card-provider')).toMatchObject({ silence: 'after' })
    await injector.changeSettings('card-provider', before)
  })
  expect(log).toEqual(['begin card-provider/silence', 'end card-provider/silence'])
})

test('a toxic replaces one of the same name, and all toxics of a link can be removed', async () => {
  const link = 'payments-provider'
  const slow = { type: 'latency', attributes: { latency: 100 } } as const
  const log = await logOf(async () => {
    await injector.addToxic(link, slow)
    await injector.addToxic(link, { ...slow, attributes: { latency: 200 } })
    const faulty = (await injector.listLinks()).find(({ name }) => name === link)
    expect(faulty?.toxics).toMatchObject([{ attributes: { latency: 200 } }])
    expect(await injector.removeToxics(link)).toEqual(['latency_downstream'])
    await injector.takeDown(link)
    await injector.bringUp(link)
  })
  const begins = [`begin ${link} latency`, `end ${link} latency`]
  expect(log).toEqual([...begins, ...begins, `begin ${link}`, `end ${link}`])
  await expect(injector.addToxic('no-such-link', slow)).rejects.toThrow('there is no link')
})

test('after healing all faults are over and all processes ready', async () => {
  expect(await injector.healAll()).toEqual([])
  await injector.freeze('payments')
  await injector.stop('mailbox')
  await injector.changeSettings('card-provider', { declineRate: 1 })
  await injector.takeDown('payments-kafka')
  await injector.addToxic('payments-postgres', { type: 'timeout' })
  expect(await faults.openFaults()).toHaveLength(5)
  const done = await injector.healAll()
  expect(done.toSorted()).toEqual([
    'healed payments-kafka (down)',
    'healed payments-postgres (timeout_downstream)',
    'reset card-provider (declineRate)',
    'started mailbox',
    'thawed payments',
  ])
  expect(await faults.openFaults()).toEqual([])
  expect(await healthOf(soonMs)).toBe(200)
  expect(await injector.readSettings('card-provider')).toMatchObject({ declineRate: 0 })
})

test('healing starts or wakes the fault proxy itself', async () => {
  await injector.stop('faults')
  expect(await injector.healAll()).toEqual(['started faults'])
  await injector.freeze('faults')
  expect(await injector.healAll()).toEqual(['thawed faults'])
  expect(await faults.openFaults()).toEqual([])
})
