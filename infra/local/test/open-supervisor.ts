import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, programEnvironment } from '../src/machine.ts'
import { findFreePorts } from '../src/ports/free-ports.ts'
import { launchSupervisor } from '../src/supervisor/launch-supervisor.ts'
import type { ProcessSpec } from '../src/supervisor/process-spec.ts'
import { isAlive } from '../src/supervisor/supervisor-file.ts'
import { type StatePaths, statePaths } from '../src/system/state.ts'
import { makeThrowAwayDir } from '../src/throw-away.ts'
import { waitUntil } from '../src/wait-until.ts'

const goneMs = 5_000

/** A supervisor of its own for one test. Disposing of it waits until it has ended. */
export async function openTestSupervisor() {
  const dir = await makeThrowAwayDir()
  const state = statePaths(dir)
  const { client, file, stdin } = await launchSupervisor({
    state,
    port: 0,
    env: programEnvironment(environmentOf({})),
    throwAway: { dir },
  })
  return {
    client,
    state,
    file,
    async [Symbol.asyncDispose]() {
      stdin?.end()
      await waitUntil(async () => !(await isAlive(file.process)), goneMs)
      await rm(dir, { recursive: true, force: true }) // a killed supervisor could not do it
    },
  }
}

/** A small web server: answers with its settings and with its pid. */
const webServer = `
  const { createServer } = require('node:http')
  createServer((_, response) => response.end(JSON.stringify({ pid: process.pid, env: process.env })))
    .listen(Number(process.env.PORT), '127.0.0.1')
`

/** A process that runs a script and then listens on a port of its own. */
export async function childSpec(
  name: string,
  script = '',
  rest: Partial<ProcessSpec> = {},
): Promise<ProcessSpec> {
  const [port = 0] = await findFreePorts(1)
  const url = `http://127.0.0.1:${port}/`
  return {
    name,
    kind: 'service',
    command: process.execPath,
    args: ['--eval', `${script}\n${webServer}`],
    cwd: '/',
    url,
    ports: [port],
    ready: { kind: 'http', url },
    stopSignal: 'SIGTERM',
    stopGraceMs: 2_000,
    startTimeoutMs: 10_000,
    ...rest,
    env: { PORT: String(port), ...rest.env },
  }
}

/** The lines of the supervisor's log about one process. */
export async function eventsOf(
  state: StatePaths,
  name: string,
): Promise<Record<string, unknown>[]> {
  const log = await readFile(join(state.logs, 'supervisor.log'), 'utf8')
  const events = log.trim().split('\n')
  return events.map(line => JSON.parse(line)).filter(event => event.name === name)
}
