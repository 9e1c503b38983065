/**
 * The supervisor as a program: outlives the command that started it, and keeps the system running
 * until it is asked to stop. Its log has one JSON object per line; what Node prints when it dies goes
 * there, too.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { programEnvironment } from '../machine.ts'
import { statePaths } from '../system/state.ts'
import { throwAwayPrefix } from '../throw-away.ts'
import { writeWhole } from '../write-whole.ts'
import { openControlServer } from './control-server.ts'
import type { SupervisorEvent } from './keep-running.ts'
import { openLogFile, supervisorLog } from './log-file.ts'
import { identifySelf } from './process-table.ts'
import { openSupervisor, type Supervisor } from './supervisor.ts'
import type { SupervisorFile } from './supervisor-file.ts'

if (import.meta.main) process.exitCode = await main()

async function main(): Promise<number> {
  const options = readOptions()
  const state = statePaths(options.stateDir)
  await mkdir(state.run, { recursive: true, mode: 0o700 })
  const report = openReport(supervisorLog(state.logs))
  const supervisor = await openSupervisor(state, inheritedEnv(process.env), report)
  const asked = Promise.withResolvers<string>()
  const token = randomBytes(32).toString('base64url')
  const server = await openControlServer(supervisor, {
    port: options.port,
    token,
    onShutdown: () => asked.resolve('control'),
  })
  const file: SupervisorFile = { process: await identifySelf(), url: server.url, token }
  await writeWhole(state.supervisor, JSON.stringify(file))
  report({ event: 'supervisor.started', name: 'supervisor', pid: process.pid, url: server.url })

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => asked.resolve(signal))
  // A closed terminal is no reason to stop: `npm start` has long left it.
  process.on('SIGHUP', () => undefined)
  process.on('uncaughtException', error => {
    report({ event: 'supervisor.failed', name: 'supervisor', error: String(error.stack ?? error) })
    asked.resolve('failure')
  })
  if (options.watchStdin) process.stdin.resume().once('close', () => asked.resolve('stdin'))

  const by = await asked.promise
  report({ event: 'supervisor.stopping', name: 'supervisor', by })
  const isClean = await stopAll(supervisor, report)
  await server.close()
  process.stdin.destroy()
  await rm(state.supervisor, { force: true })
  report({ event: 'supervisor.stopped', name: 'supervisor' })
  if (options.remove !== undefined && isClean) await rm(options.remove, { recursive: true })
  return isClean && by !== 'failure' ? 0 : 1
}

type Report = (event: SupervisorEvent) => void

type Options = Readonly<{
  stateDir: string
  port: number
  /** Shut down when standard input ends: the process that started this is gone. */
  watchStdin: boolean
  /** A throw-away directory to delete at the end. */
  remove: string | undefined
}>

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      'state-dir': { type: 'string' },
      port: { type: 'string' },
      'watch-stdin': { type: 'boolean', default: false },
      remove: { type: 'string' },
    },
  })
  const { 'state-dir': stateDir, 'watch-stdin': watchStdin, port, remove } = values
  if (!stateDir || !port) throw new Error('--state-dir and --port are needed')
  if (remove !== undefined) refuseUnlessThrowAway(remove)
  return { stateDir: resolve(stateDir), port: Number(port), watchStdin, remove }
}

async function stopAll(supervisor: Supervisor, report: Report): Promise<boolean> {
  try {
    await supervisor.shutdown()
    return true
  } catch (error) {
    report({ event: 'supervisor.failed', name: 'supervisor', error: String(error) })
    return false
  }
}

/**
 * A child gets only these of our environment: where programs, home and scratch files are. All children
 * share Node's cache of compiled files, so a killed service is back after half the processor time.
 */
function inheritedEnv(environment: NodeJS.ProcessEnv): Record<string, string> {
  return { ...programEnvironment(environment), NODE_COMPILE_CACHE: statePaths().compileCache }
}

/** A mistyped argument must not delete other files. */
function refuseUnlessThrowAway(dir: string): void {
  const isOurs = basename(dir).startsWith(throwAwayPrefix) && dirname(dir) === tmpdir()
  if (!isOurs) throw new Error(`${dir} is not a throw-away directory: it will not be removed`)
}

/** A line that cannot be written is lost: there is no other place to say it. */
function openReport(file: string): Report {
  const log = openLogFile(file, { onFailure: () => undefined })
  return event => {
    const line = JSON.stringify({ at: new Date().toISOString(), ...event })
    log.append(Buffer.from(`${line}\n`))
  }
}
