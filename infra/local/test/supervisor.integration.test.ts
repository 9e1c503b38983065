import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { awaitReady } from '../src/supervisor/await-ready.ts'
import { findSupervisor } from '../src/supervisor/control-client.ts'
import { readProcessTable } from '../src/supervisor/process-table.ts'
import { endOrphans, readRunFile, type SupervisorFile } from '../src/supervisor/supervisor-file.ts'
import { statePaths } from '../src/system/state.ts'
import { makeThrowAwayDir } from '../src/throw-away.ts'
import { waitUntil } from '../src/wait-until.ts'
import { childSpec, eventsOf, openTestSupervisor } from './open-supervisor.ts'

const soonMs = 5_000

/** Says the pids of two children: one in the process group, one that has left it for its own. */
const twoChildren = (ignoreTerm: boolean) => `
  const { spawn } = require('node:child_process')
  const idle = ${ignoreTerm} ? 'process.on("SIGTERM", () => {});' : ''
  const children = [false, true].map(detached =>
    spawn(process.execPath, ['--eval', idle + 'setInterval(() => {}, 1000)'], { detached }))
  ${ignoreTerm ? "process.on('SIGTERM', () => {})" : ''}
  console.log(JSON.stringify(children.map(child => child.pid)))
`

test('a process that is killed comes back, and the log says how it ended', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('phoenix'))
  const [before] = await awaitReady(client, ['phoenix'], soonMs)
  await client.signal('phoenix', 'SIGKILL')
  await expect.poll(async () => (await statusOf(client, 'phoenix')).pid).not.toBe(before?.pid)
  const [after] = await awaitReady(client, ['phoenix'], soonMs)
  expect(after).toMatchObject({ state: 'ready', restarts: 1 })
  expect(await eventsOf(state, 'phoenix')).toContainEqual(
    expect.objectContaining({ event: 'process.ended', signal: 'SIGKILL', restartInMs: 200 }),
  )
})

test('a process that keeps ending is restarted more and more slowly', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('moth', 'process.exit(3)'))
  await expect
    .poll(async () => (await statusOf(client, 'moth')).restarts, { timeout: soonMs })
    .toBe(3)
  expect(await statusOf(client, 'moth')).toMatchObject({
    state: 'backing-off',
    reason: 'exited with 3',
  })
  const waits = (await eventsOf(state, 'moth')).map(event => event['restartInMs'])
  expect(waits).toEqual([200, 400, 800])
})

test('a command that does not exist is a reason in the status, not the end of the supervisor', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('ghost', '', { command: '/no/such/command' }))
  await client.add(await childSpec('neighbour'))
  await awaitReady(client, ['neighbour'], soonMs)
  const ghost = await statusOf(client, 'ghost')
  expect(ghost.state).toBe('backing-off')
  expect(ghost.reason).toContain('ENOENT')
})

test('what stands still in a process that is ready is a note in its status', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const body = JSON.stringify({ status: 'ready', stalled: [{ topic: 'payments.v1', seconds: 15 }] })
  const server = `require('node:http').createServer((_, response) => response.end('${body}'))
    .listen(Number(process.env.PORT), '127.0.0.1')`
  await client.add(await childSpec('snail', '', { args: ['--eval', server] }))
  const [status] = await awaitReady(client, ['snail'], soonMs)
  expect(status).toMatchObject({ state: 'ready', reason: 'no progress on payments.v1' })
})

test('a process that is never ready is ended after its start timeout, and tried again', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const deaf = await childSpec('deaf', 'setInterval(() => {}, 1000); return', {
    args: ['--eval', 'setInterval(() => {}, 1000)'],
    startTimeoutMs: 300,
  })
  await client.add(deaf)
  await expect
    .poll(async () => (await statusOf(client, 'deaf')).restarts, { timeout: soonMs })
    .toBe(1)
  expect((await statusOf(client, 'deaf')).reason).toContain('0.3 s after the start')
})

test('after a stop nothing is left, not even what ignores SIGTERM or has left the group', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('clan', twoChildren(true), { stopGraceMs: 300 }))
  const [clan] = await awaitReady(client, ['clan'], soonMs)
  const family = [clan?.pid ?? 0, ...(await pidsIn(clan?.log ?? ''))]
  expect(await living(family)).toHaveLength(3)
  await client.stop('clan')
  expect(await living(family)).toEqual([])
  expect(await statusOf(client, 'clan')).toMatchObject({ state: 'stopped' })
})

test('what a killed leader leaves behind is gone before its next life', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('clan', twoChildren(true)))
  const [clan] = await awaitReady(client, ['clan'], soonMs)
  const children = await pidsIn(clan?.log ?? '')
  await client.status() // a look at the table, as every two seconds: now they are known
  process.kill(clan?.pid ?? 0, 'SIGKILL')
  await expect.poll(async () => (await statusOf(client, 'clan')).restarts).toBe(1)
  expect(await living(children)).toEqual([])
})

test('settings given to a start hold for that life only, if so asked', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const spec = await childSpec('setting', '', { env: { SETTING: 'one' } })
  await client.add(spec)
  await awaitReady(client, ['setting'], soonMs)
  await expect(client.start('setting', { env: { SETTING: 'two' } })).rejects.toThrow(
    'stop it first',
  )
  await client.stop('setting')
  await client.start('setting', { env: { SETTING: 'two' }, forOneInstance: true })
  await awaitReady(client, ['setting'], soonMs)
  expect(await settingOf(spec.url)).toBe('two')
  await client.signal('setting', 'SIGKILL')
  await expect.poll(() => settingOf(spec.url), { timeout: soonMs }).toBe('one')

  async function settingOf(url = ''): Promise<string | undefined> {
    const answer = await fetch(url).catch(() => undefined)
    return answer === undefined ? undefined : (await environmentIn(answer))['SETTING']
  }
})

test('a child gets PATH and HOME and its own settings, and nothing else of ours', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const spec = await childSpec('stranger')
  await client.add(spec)
  await awaitReady(client, ['stranger'], soonMs)
  const env = await environmentIn(await fetch(spec.url ?? ''))
  expect(Object.keys(env).toSorted()).toEqual(['HOME', 'PATH', 'PORT'])
})

test('a paused process is unready, is not restarted, and can still be stopped politely', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('sleeper', '', { stopGraceMs: 20_000 }))
  await awaitReady(client, ['sleeper'], soonMs)
  await client.signal('sleeper', 'SIGSTOP')
  await expect
    .poll(async () => (await statusOf(client, 'sleeper')).state, { timeout: soonMs })
    .toBe('unready')
  const startedAt = performance.now()
  await client.stop('sleeper')
  expect(performance.now() - startedAt).toBeLessThan(soonMs)
})

test('a shutdown stops the services before the parts that they need', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  // Not into their logs: the supervisor removes those as soon as all have ended.
  const dir = await makeThrowAwayDir()
  onTestFinished(() => rm(dir, { recursive: true }))
  const fileOf = (name: string) => join(dir, name)
  const tell = (name: string) =>
    `process.on('exit', () => require('node:fs').writeFileSync('${fileOf(name)}', String(Date.now())))`
  const slow = `process.on('SIGTERM', () => setTimeout(() => process.exit(), 200))`
  const polite = `process.on('SIGTERM', () => process.exit())`
  const part = await childSpec('part', `${polite}; ${tell('part')}`, { kind: 'part' })
  await client.add(part)
  await client.add(await childSpec('service', `${slow}; ${tell('service')}`))
  await awaitReady(client, ['part', 'service'], soonMs)
  await client.shutdown()
  const endOf = async (name: string) => Number(await readFile(fileOf(name), 'utf8'))
  expect(await endOf('part')).toBeGreaterThanOrEqual(await endOf('service'))
  await expect(client.add(part)).rejects.toThrow()
})

test('nobody is answered without the token', async () => {
  await using supervisor = await openTestSupervisor()
  const { url, token } = supervisor.file
  const ask = async (authorization: string | undefined) => {
    const headers = authorization === undefined ? {} : { authorization }
    return (await fetch(`${url}/status`, { headers })).status
  }
  expect(await ask(undefined)).toBe(401)
  expect(await ask('Bearer ')).toBe(401)
  expect(await ask(`Bearer ${'x'.repeat(token.length)}`)).toBe(401)
  expect(await ask(`Bearer ${token}`)).toBe(200)
  expect(await ask(`bearer  ${token}`)).toBe(200)
})

test('a name that would be a path is refused', async () => {
  await using supervisor = await openTestSupervisor()
  const spec = await childSpec('../../escape')
  await expect(supervisor.client.add(spec)).rejects.toThrow('must match pattern')
})

test('when the one who started it dies, everything ends and the directory is gone', async () => {
  const dir = await makeThrowAwayDir()
  const state = statePaths(dir)
  const source = join(import.meta.dirname, '../src')
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { launchSupervisor } from '${source}/supervisor/launch-supervisor.ts'
     import { statePaths } from '${source}/system/state.ts'
     const { PATH, HOME } = process.env
     const dir = ${JSON.stringify(dir)}
     const state = statePaths(dir)
     const { client } = await launchSupervisor({ state, port: 0, env: { PATH, HOME }, throwAway: { dir } })
     await client.add(${JSON.stringify(await childSpec('orphan'))})
     setInterval(() => {}, 1000)`,
  ])
  const isReady = async () => {
    const client = await findSupervisor(state)
    const states = (await client?.states()) ?? []
    return states[0]?.state === 'ready'
  }
  expect(await waitUntil(isReady, soonMs)).toBe(true)
  const client = await findSupervisor(state)
  const pid = (await client?.states())?.[0]?.pid ?? 0
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  expect(await waitUntil(async () => (await living([pid])).length === 0, soonMs)).toBe(true)
  await expect.poll(() => access(dir).catch(() => 'gone'), { timeout: soonMs }).toBe('gone')
})

test('what a killed supervisor leaves running is found and ended by the next command', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('waif', twoChildren(true), { stopGraceMs: 300 }))
  const [waif] = await awaitReady(client, ['waif'], soonMs)
  const family = [waif?.pid ?? 0, ...(await pidsIn(waif?.log ?? ''))]
  expect(await endOrphans(state)).toEqual([]) // not while their supervisor lives
  const file = await readRunFile<SupervisorFile>(state.supervisor)
  process.kill(file?.process.pid ?? 0, 'SIGKILL')
  await expect.poll(() => findSupervisor(state)).toBeUndefined()
  expect(await living(family)).toHaveLength(3)
  expect(await endOrphans(state)).toEqual(['waif'])
  expect(await living(family)).toEqual([])
  expect(await endOrphans(state)).toEqual([])
})

async function statusOf(
  client: NonNullable<Awaited<ReturnType<typeof findSupervisor>>>,
  name: string,
) {
  const status = (await client.states()).find(each => each.name === name)
  if (!status) throw new Error(`no process ${name}`)
  return status
}

/** What the web server says that it was given. */
async function environmentIn(answer: Response): Promise<Record<string, string>> {
  const { env } = (await answer.json()) as { env: Record<string, string> }
  return env
}

/** The pids that a child has written to its log. */
async function pidsIn(log: string): Promise<number[]> {
  return JSON.parse((await readFile(log, 'utf8')).trim().split('\n')[0] ?? '[]')
}

async function living(pids: readonly number[]): Promise<number[]> {
  const table = await readProcessTable()
  return table.map(row => row.pid).filter(pid => pids.includes(pid))
}
