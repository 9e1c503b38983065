import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { awaitReady } from '../src/supervisor/await-ready.ts'
import { findSupervisor } from '../src/supervisor/control-client.ts'
import { readProcessTable } from '../src/supervisor/process-table.ts'
import { readWholeLog } from '../src/supervisor/read-log.ts'
import { endOrphans, readSupervisorFile } from '../src/supervisor/supervisor-file.ts'
import { statePaths } from '../src/system/state.ts'
import { stopSystem } from '../src/system/stop-system.ts'
import { makeThrowAwayDir } from '../src/throw-away.ts'
import { waitUntil } from '../src/wait-until.ts'
import { childSpec, eventsOf, openTestSupervisor } from './open-supervisor.ts'

const soonMs = 15_000

/** Prints the pids of two children: one in the process group, one in a group of its own. */
const twoChildren = (ignoreTerm: boolean) => `
  const { spawn } = require('node:child_process')
  const idle = ${ignoreTerm} ? 'process.on("SIGTERM", () => {});' : ''
  const children = [false, true].map(detached =>
    spawn(process.execPath, ['--eval', idle + 'setInterval(() => {}, 1000)'], { detached }))
  ${ignoreTerm ? "process.on('SIGTERM', () => {})" : ''}
  console.log(JSON.stringify(children.map(child => child.pid)))
`

test('a killed process is restarted, and the log says how it ended', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('web'))
  const [before] = await awaitReady(client, ['web'], soonMs)
  await client.signal('web', 'SIGKILL')
  await expect.poll(async () => (await statusOf(client, 'web')).pid).not.toBe(before?.pid)
  const [after] = await awaitReady(client, ['web'], soonMs)
  expect(after).toMatchObject({ state: 'ready', restarts: 1 })
  expect(await eventsOf(state, 'web')).toContainEqual(
    expect.objectContaining({ event: 'process.ended', signal: 'SIGKILL', restartInMs: 200 }),
  )
})

test('a process that keeps ending is restarted after longer and longer pauses', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('crashing', 'process.exit(3)'))
  await expect
    .poll(async () => (await statusOf(client, 'crashing')).restarts, { timeout: soonMs })
    .toBe(3)
  expect(await statusOf(client, 'crashing')).toMatchObject({
    state: 'backing-off',
    reason: 'exited with 3',
  })
  const waits = (await eventsOf(state, 'crashing')).map(event => event['restartInMs'])
  expect(waits).toEqual([200, 400, 800])
})

test('a command that does not exist is a reason in the status, not the end of the supervisor', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('missing', '', { command: '/no/such/command' }))
  await client.add(await childSpec('neighbour'))
  await awaitReady(client, ['neighbour'], soonMs)
  const missing = await statusOf(client, 'missing')
  expect(missing.state).toBe('backing-off')
  expect(missing.reason).toContain('ENOENT')
})

test('the status of a ready process names the topics that make no progress', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const body = JSON.stringify({ status: 'ready', stalled: [{ topic: 'payments.v1', seconds: 15 }] })
  const server = `require('node:http').createServer((_, response) => response.end('${body}'))
    .listen(Number(process.env.PORT), '127.0.0.1')`
  await client.add(await childSpec('stalled', '', { args: ['--eval', server] }))
  const [status] = await awaitReady(client, ['stalled'], soonMs)
  expect(status).toMatchObject({ state: 'ready', reason: 'no progress on payments.v1' })
})

test('a process that is never ready is ended after its start timeout, and tried again', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const late = await childSpec('late', 'setInterval(() => {}, 1000); return', {
    args: ['--eval', 'setInterval(() => {}, 1000)'],
    startTimeoutMs: 300,
  })
  await client.add(late)
  await expect
    .poll(async () => (await statusOf(client, 'late')).restarts, { timeout: soonMs })
    .toBe(1)
  expect((await statusOf(client, 'late')).reason).toContain('0.3 s after the start')
})

test('a stop ends the whole process tree, also members that ignore SIGTERM or have left the group', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('tree', twoChildren(true), { stopGraceMs: 300 }))
  const [root] = await awaitReady(client, ['tree'], soonMs)
  const pids = [root?.pid ?? 0, ...(await pidsIn(root?.log ?? ''))]
  expect(await living(pids)).toHaveLength(3)
  await client.stop('tree')
  expect(await living(pids)).toEqual([])
  expect(await statusOf(client, 'tree')).toMatchObject({ state: 'stopped' })
})

test('the children of a killed root are ended before its next instance starts', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('tree', twoChildren(true)))
  const [root] = await awaitReady(client, ['tree'], soonMs)
  const children = await pidsIn(root?.log ?? '')
  await client.status() // reads the process table, as it happens every two seconds
  process.kill(root?.pid ?? 0, 'SIGKILL')
  await expect.poll(async () => (await statusOf(client, 'tree')).restarts).toBe(1)
  expect(await living(children)).toEqual([])
})

test('the settings of a start can hold for one instance only', async () => {
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

test('a child gets PATH, HOME, the cache of Node and its own settings, and no other variable', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const spec = await childSpec('child')
  await client.add(spec)
  await awaitReady(client, ['child'], soonMs)
  const env = await environmentIn(await fetch(spec.url ?? ''))
  expect(Object.keys(env).toSorted()).toEqual(['HOME', 'NODE_COMPILE_CACHE', 'PATH', 'PORT'])
})

test('a paused process is unready, is not restarted, and still obeys the stop signal', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  await client.add(await childSpec('paused', '', { stopGraceMs: 20_000 }))
  await awaitReady(client, ['paused'], soonMs)
  await client.signal('paused', 'SIGSTOP')
  await expect
    .poll(async () => (await statusOf(client, 'paused')).state, { timeout: soonMs })
    .toBe('unready')
  const startedAt = performance.now()
  await client.stop('paused')
  expect(performance.now() - startedAt).toBeLessThan(soonMs)
})

test('a shutdown stops the services before the parts that they need', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  // Their logs would not do: the supervisor removes them as soon as all have ended.
  const dir = await makeThrowAwayDir()
  onTestFinished(() => rm(dir, { recursive: true }))
  const fileOf = (name: string) => join(dir, name)
  const writeEnd = (name: string) =>
    `process.on('exit', () => require('node:fs').writeFileSync('${fileOf(name)}', String(Date.now())))`
  const slow = `process.on('SIGTERM', () => setTimeout(() => process.exit(), 200))`
  const quick = `process.on('SIGTERM', () => process.exit())`
  const part = await childSpec('part', `${quick}; ${writeEnd('part')}`, { kind: 'part' })
  await client.add(part)
  await client.add(await childSpec('service', `${slow}; ${writeEnd('service')}`))
  await awaitReady(client, ['part', 'service'], soonMs)
  await client.shutdown()
  const endOf = async (name: string) => Number(await readFile(fileOf(name), 'utf8'))
  expect(await endOf('part')).toBeGreaterThanOrEqual(await endOf('service'))
  await expect(client.add(part)).rejects.toThrow()
})

test('a request without the token is refused', async () => {
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

test('when the parent process dies, everything ends and the directory is removed', async () => {
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

test('the next command ends the processes that a killed supervisor has left running', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('orphan', twoChildren(true), { stopGraceMs: 300 }))
  const [root] = await awaitReady(client, ['orphan'], soonMs)
  const pids = [root?.pid ?? 0, ...(await pidsIn(root?.log ?? ''))]
  expect(await endOrphans(state)).toEqual([]) // their supervisor still lives
  const file = await readSupervisorFile(state)
  process.kill(file?.process.pid ?? 0, 'SIGKILL')
  await expect.poll(() => findSupervisor(state)).toBeUndefined()
  expect(await living(pids)).toHaveLength(3)
  expect(await endOrphans(state)).toEqual(['orphan'])
  expect(await living(pids)).toEqual([])
  expect(await endOrphans(state)).toEqual([])
})

test('a process that prints without end keeps a bounded log, and loses no line of it', async () => {
  await using supervisor = await openTestSupervisor()
  const { client } = supervisor
  const printed = 300_000
  const script = `
    const { writeSync } = require('node:fs')
    for (let n = 0; n < ${printed}; n += 100)
      writeSync(1, Array.from({ length: 100 }, (_, i) => 'line ' + (n + i) + ' '.padEnd(90, 'x') + '\\n').join(''))
  `
  await client.add(await childSpec('loud', script))
  const [status] = await awaitReady(client, ['loud'], soonMs)
  const lines = (await readWholeLog(status?.log ?? '')).trimEnd().split('\n')
  const numbers = lines.map(line => Number(/^line (\d+) x{89}$/.exec(line)?.[1]))
  expect(numbers.at(-1)).toBe(printed - 1)
  expect(numbers).toEqual(Array.from(numbers, (_, index) => printed - numbers.length + index))
  const files = (await readdir(dirname(status?.log ?? ''))).filter(name => name.startsWith('loud.'))
  expect(files.length).toBeGreaterThan(2)
})

test('a file that cannot be written is a line in the log, and the system goes on', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await rm(state.run, { recursive: true })
  await client.add(await childSpec('child'))
  await awaitReady(client, ['child'], soonMs)
  const failures = () => eventsOf(state, 'supervisor')
  await expect
    .poll(failures, { timeout: soonMs })
    .toContainEqual(expect.objectContaining({ event: 'supervisor.failed' }))
  expect((await client.states())[0]).toMatchObject({ name: 'child', state: 'ready' })
})

test('a stop finds a supervisor whose address was lost, and lets it end its processes', async () => {
  await using supervisor = await openTestSupervisor()
  const { client, state } = supervisor
  await client.add(await childSpec('child'))
  const [child] = await awaitReady(client, ['child'], soonMs)
  await writeFile(state.supervisor, '')
  expect(await stopSystem(state)).toEqual({ names: ['child'], portsLeft: [] })
  expect(await living([child?.pid ?? 0, supervisor.file.process.pid])).toEqual([])
})

async function statusOf(
  client: NonNullable<Awaited<ReturnType<typeof findSupervisor>>>,
  name: string,
) {
  const status = (await client.states()).find(each => each.name === name)
  if (!status) throw new Error(`no process ${name}`)
  return status
}

/** The environment that the web server answers. */
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
