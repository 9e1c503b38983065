import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withToken } from '../../simulators/start-simulator.ts'
import {
  type Backend,
  echo,
  type FaultLogLine,
  makeDirectory,
  openBackend,
  openClient,
  type Rig,
  startRig,
} from './rig.ts'

const slow = { type: 'latency', attributes: { latency: 600_000 } } as const
const stopWithinMs = 2_000

let directory: Awaited<ReturnType<typeof makeDirectory>>
let rig: Rig
let backend: Backend

beforeEach(async () => {
  directory = await makeDirectory()
  rig = await startRig(directory.path)
  backend = await openBackend(echo)
})

afterEach(async () => {
  await rig.kill()
  await backend.close()
  await directory.remove()
})

/** For example `toxic begin web slow`. */
function inWords(line: FaultLogLine): string {
  return [line.kind, line.action, line.proxy, line.toxic?.name].filter(Boolean).join(' ')
}

async function linesInWords(): Promise<string[]> {
  return (await rig.lines()).map(inWords)
}

test('a fault is in the log before it begins, and its end after it ended', async () => {
  await rig.open('web', backend.port)
  const toxic = await rig.faults.addToxic('web', slow)
  expect((await rig.lines()).at(-1)).toMatchObject({ seq: 2, action: 'begin', toxic })
  const change = { method: 'PATCH', headers: withToken, body: '{"attributes":{"latency":5}}' }
  await fetch(`${rig.url}/proxies/web/toxics/latency_downstream`, change)
  expect((await rig.lines()).at(-1)).toMatchObject({
    action: 'change',
    toxic: { attributes: { latency: 5, jitter: 0 } },
  })
  await rig.faults.removeToxic('web', 'latency_downstream')
  expect(await linesInWords()).toEqual([
    'proxy change web',
    'toxic begin web latency_downstream',
    'toxic change web latency_downstream',
    'toxic end web latency_downstream',
  ])
  const times = (await rig.lines()).map(({ at }) => at)
  expect(times).toEqual(times.toSorted())
})

test('a toxic ends when its link is disabled, and begins again with the link', async () => {
  await rig.open('web', backend.port)
  await rig.faults.addToxic('web', { ...slow, name: 'slow' })
  await rig.faults.disable('web')
  await rig.faults.enable('web')
  await rig.remove('web')
  expect((await linesInWords()).slice(1)).toEqual([
    'toxic begin web slow',
    'proxy begin web',
    'toxic end web slow',
    'toxic begin web slow',
    'proxy end web',
    'proxy begin web',
    'toxic end web slow',
    'proxy end web',
    'proxy change web',
  ])
})

test('a toxic on a disabled link is no fault until the link is enabled', async () => {
  await rig.open('web', backend.port)
  await rig.faults.disable('web')
  await rig.faults.addToxic('web', { ...slow, name: 'slow' })
  await rig.faults.addToxic('web', { ...slow, name: 'gone' })
  await rig.faults.removeToxic('web', 'gone')
  expect(await linesInWords()).toEqual(['proxy change web', 'proxy begin web'])
  await rig.faults.reset()
  expect((await linesInWords()).slice(2)).toEqual(['proxy end web'])
})

test('a reset ends every fault', async () => {
  await rig.open('web', backend.port)
  await rig.open('database', backend.port)
  await rig.faults.addToxic('web', { ...slow, name: 'a' })
  await rig.faults.addToxic('database', { ...slow, name: 'b', stream: 'upstream' })
  await rig.faults.disable('database')
  await rig.faults.reset()
  expect(stillOpen(await rig.lines())).toEqual([])
  for (const { enabled, toxics } of await rig.faults.list()) {
    expect({ enabled, toxics }).toEqual({ enabled: true, toxics: [] })
  }
})

test('a link that can not be enabled does not prevent the reset of other links and toxics', async () => {
  const port = await rig.open('taken', backend.port)
  await rig.open('web', backend.port)
  await rig.faults.addToxic('taken', slow)
  await rig.faults.disable('taken')
  await rig.faults.disable('web')
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  await expect(rig.faults.reset()).rejects.toThrow('EADDRINUSE')
  const states = (await rig.faults.list()).map(each => [each.name, each.enabled, each.toxics])
  expect(states).toEqual([
    ['taken', false, []],
    ['web', true, []],
  ])
  expect(stillOpen(await rig.lines())).toEqual(['proxy taken undefined'])
  other.close()
  await once(other, 'close')
})

test('SIGTERM ends the process in time, with an end for every fault', async () => {
  const port = await rig.open('web', backend.port)
  await rig.open('database', backend.port)
  await rig.faults.addToxic('web', slow)
  await rig.faults.disable('database')
  const client = await openClient(port)
  client.socket.write('held by the toxic')
  expect(stillOpen(await rig.lines())).toHaveLength(2)
  const started = performance.now()
  expect(await rig.stop()).toBe(0)
  expect(performance.now() - started).toBeLessThan(stopWithinMs)
  expect(stillOpen(await rig.lines())).toEqual([])
})

test('a fault that a killed process left open gets its end at the next start', async () => {
  await rig.open('web', backend.port)
  await rig.faults.addToxic('web', slow)
  await rig.kill()
  expect(stillOpen(await rig.lines())).toHaveLength(1)
  rig = await startRig(directory.path)
  expect(stillOpen(await rig.lines())).toEqual([])
  expect((await rig.lines()).map(({ seq }) => seq)).toEqual([1, 2, 3])
})

test('a reported fault is in the same log, in order, before the report is answered', async () => {
  await rig.open('web', backend.port)
  const details = { signal: 'SIGKILL', pid: 4711 }
  const killed = { kind: 'process', action: 'begin', name: 'payments', ...details } as const
  const line = await rig.faults.report(killed)
  expect((await rig.lines()).at(-1)).toEqual(line)
  expect(line).toEqual({ at: expect.any(String), seq: 2, ...killed })
  await rig.faults.addToxic('web', slow)
  await rig.faults.report({ kind: 'setting', action: 'begin', name: 'decline', value: 1 })
  await rig.faults.report({ kind: 'process', action: 'end', name: 'payments' })
  expect((await rig.lines()).slice(1).map(each => `${each.kind} ${each.action}`)).toEqual([
    'process begin',
    'toxic begin',
    'setting begin',
    'process end',
  ])
})

test('the open faults are shown with their present details and the time of their begin', async () => {
  await rig.open('web', backend.port)
  await rig.open('database', backend.port)
  await rig.faults.report({ kind: 'setting', action: 'begin', name: 'delay', ms: 100 })
  const toxic = await rig.faults.addToxic('web', slow)
  await rig.faults.disable('database')
  await rig.faults.report({ kind: 'setting', action: 'change', name: 'delay', ms: 900 })
  await rig.faults.report({ kind: 'part', action: 'begin', name: 'kafka' })
  await rig.faults.report({ kind: 'part', action: 'end', name: 'kafka' })
  const [begin] = (await rig.lines()).filter(({ kind }) => kind === 'setting')
  const open = await rig.faults.openFaults()
  expect(open).toHaveLength(3)
  expect(open).toContainEqual({ ...begin, ms: 900 })
  expect(open).toContainEqual(expect.objectContaining({ kind: 'toxic', proxy: 'web', toxic }))
  expect(open).toContainEqual(expect.objectContaining({ kind: 'proxy', proxy: 'database' }))
})

test.each(['stop', 'kill'] as const)(
  'after a %s of the fault proxy reported faults are still open',
  async end => {
    await rig.open('web', backend.port)
    await rig.faults.addToxic('web', slow)
    const line = await rig.faults.report({ kind: 'part', action: 'begin', name: 'postgres' })
    await rig[end]()
    rig = await startRig(directory.path)
    expect(await rig.faults.openFaults()).toEqual([line])
  },
)

test.each([
  ['an unknown kind', { kind: 'toxic' }],
  ['no kind', { kind: undefined }],
  ['an unknown action', { action: 'started' }],
  ['no name', { name: undefined }],
  ['a name that is too long', { name: 'n'.repeat(101) }],
  ['a field that the log stamps', { seq: 1 }],
  ['a field of the proxies', { proxy: 'web' }],
  ['a signal that is no text', { signal: 9 }],
  ['too much for a line', { details: 'd'.repeat(4_097) }],
  ['more than the proxy reads', { details: 'd'.repeat(1_000_000) }],
])('a report with %s is refused and not in the log', async (_what, change) => {
  const body = JSON.stringify({ kind: 'process', action: 'begin', name: 'payments', ...change })
  const answer = await fetch(`${rig.url}/fault-log`, { method: 'POST', headers: withToken, body })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ error: expect.any(String), status: 400 })
  expect(await rig.lines()).toEqual([])
  expect(await rig.faults.openFaults()).toEqual([])
})

/** The faults that have begun and not ended; throws when one ends that had not begun. */
function stillOpen(lines: readonly FaultLogLine[]): string[] {
  const open = new Set<string>()
  for (const line of lines) {
    const fault = `${line.kind} ${line.proxy} ${line.toxic?.name}`
    if (line.action === 'begin') {
      expect(open).not.toContain(fault)
      open.add(fault)
    } else if (line.action === 'end') {
      expect(open).toContain(fault)
      open.delete(fault)
    }
  }
  return [...open]
}
