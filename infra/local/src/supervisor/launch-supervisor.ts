import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import type { ProgramEnvironment } from '../machine.ts'
import type { StatePaths } from '../system/state.ts'
import { waitUntil } from '../wait-until.ts'
import { type ControlClient, controlClient } from './control-client.ts'
import { supervisorLog, withLogFile } from './log-file.ts'
import { readSupervisorFile, type SupervisorFile } from './supervisor-file.ts'

export type LaunchOptions = Readonly<{
  state: StatePaths
  /** 0 asks the system for a free one. */
  port: number
  /** Handed to the supervisor, and by it to every child. */
  env: ProgramEnvironment
  /** For tests: everything ends when this process does, and this directory is deleted. */
  throwAway?: Readonly<{ dir: string }>
}>

export type Launched = Readonly<{
  client: ControlClient
  file: SupervisorFile
  /** The supervisor's standard input, if it watches that: its end ends the supervisor. */
  stdin: Writable | null
}>

const mainFile = join(import.meta.dirname, 'supervisor-main.ts')
const launchTimeoutMs = 15_000
const logTailCharacters = 2_000

/**
 * Starts a supervisor in a session of its own, so that it outlives this process and its terminal,
 * and returns once it can be asked. Throws with the end of its log when it does not come up.
 */
export async function launchSupervisor(options: LaunchOptions): Promise<Launched> {
  const { state, throwAway } = options
  const log = supervisorLog(state.logs)
  let logStart = 0
  const args = [mainFile, '--state-dir', state.dir, '--port', String(options.port)]
  if (throwAway) args.push('--watch-stdin', '--remove', throwAway.dir)
  const child = withLogFile(log, descriptor => {
    logStart = fstatSync(descriptor).size
    return spawn(process.execPath, args, {
      detached: true,
      env: options.env,
      stdio: [throwAway ? 'pipe' : 'ignore', descriptor, descriptor],
    })
  })
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  let failure: string | undefined
  child.once('error', error => {
    failure = error.message
  })
  child.once('exit', (code, signal) => {
    failure ??= `it ended (${signal ?? `exit ${code}`})`
  })

  let file: SupervisorFile | undefined
  const isThere = async () => {
    const found = await readSupervisorFile(state)
    if (found?.process.pid === child.pid) file = found
    return file !== undefined || failure !== undefined
  }
  await waitUntil(isThere, launchTimeoutMs)
  if (file) return { client: controlClient(file), file, stdin: child.stdin }
  child.kill('SIGKILL')
  const why = failure ?? `it did not answer within ${launchTimeoutMs / 1000} s`
  const output = (await readFile(log)).subarray(logStart).toString()
  const tail = output.slice(-logTailCharacters).trim()
  throw new Error(`The supervisor did not start: ${why}.\n${tail}`)
}
