import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { limits } from '../limits.ts'

/** A command of ours that runs, or the one that ran last. */
export type ToolRun = Readonly<{
  startedAt: number
  /** What it says about its progress: its last lines on standard error. */
  lines: readonly string[]
  /** Unset while it runs. */
  endedAt?: number
}>

/** Hears what the command printed. It is not kept, because it may be many megabytes. */
export type OnEnd = (output: string, exitCode: number | null) => void

export type ToolRunner = Readonly<{
  latest: () => ToolRun | undefined
  isRunning: () => boolean
  /** @throws when one runs already */
  start: (command: string, args: readonly string[], onEnd: OnEnd) => void
  stop: () => void
  close: () => Promise<void>
}>

/**
 * Runs commands of `tools/cli` as processes of their own, one at a time: they need more memory than the
 * console may have.
 * @param environment what they may see of ours: PATH and HOME
 */
export function openToolRunner(environment: Readonly<Record<'PATH' | 'HOME', string>>): ToolRunner {
  let latest: ToolRun | undefined
  let child: ChildProcess | undefined
  let running: Promise<void> = Promise.resolve()

  async function run(command: string, args: readonly string[], onEnd: OnEnd): Promise<void> {
    const startedAt = Date.now()
    let lines: readonly string[] = []
    let output = ''
    latest = { startedAt, lines }
    const file = join(repoRoot, `tools/cli/commands/${command}.ts`)
    const started = spawn(process.execPath, [file, ...args], {
      cwd: repoRoot,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    const timer = setTimeout(() => started.kill('SIGTERM'), limits.tools.deadlineMs)
    started.stdout.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-limits.tools.outputMax)
    })
    started.stderr.on('data', (chunk: Buffer) => {
      const added = String(chunk)
        .split('\n')
        .filter(line => line.trim() !== '')
      lines = [...lines, ...added].slice(-limits.tools.linesMax)
      latest = { startedAt, lines }
    })
    const [exitCode] = await once(started, 'close').finally(() => clearTimeout(timer))
    onEnd(output, exitCode)
    child = undefined
    latest = { startedAt, lines, endedAt: Date.now() }
  }

  return {
    latest: () => latest,
    isRunning: () => child !== undefined,
    start(command, args, onEnd) {
      if (child !== undefined) throw new Error('one runs already')
      running = run(command, args, onEnd).catch(error => {
        child = undefined
        latest = { startedAt: Date.now(), lines: [String(error)], endedAt: Date.now() }
        onEnd('', null)
      })
    },
    stop: () => void child?.kill('SIGTERM'),
    async close() {
      child?.kill('SIGTERM')
      await running
    },
  }
}
