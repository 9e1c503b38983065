import { execFile } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import type { Environment } from '../machine.ts'

export type CommandOptions = {
  environment: Environment
  /** When it has passed, the command is killed and counts as failed. */
  deadlineMs: number
  cwd?: string
}

export type CommandOutput = { stdout: string; stderr: string }

const outputMaxBytes = 4 * 1024 * 1024
const quotedLines = 3

/**
 * Runs a command to its end. It stays in our process group, so that Ctrl-C reaches it as well.
 * Throws an Error that a person can act on: the command, how it ended and why.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      {
        env: options.environment,
        cwd: options.cwd,
        timeout: options.deadlineMs,
        killSignal: 'SIGKILL',
        maxBuffer: outputMaxBytes,
      },
      (error, stdout, stderr) => {
        if (error === null) return resolve({ stdout, stderr })
        const ending = error.killed
          ? `no end after ${options.deadlineMs} ms`
          : typeof error.code === 'number'
            ? `exit code ${error.code}`
            : (error.code ?? error.signal ?? 'failed')
        const reason = tellingLines(stderr) || tellingLines(stdout) // Maven complains on stdout
        const details = reason === '' ? '' : `: ${reason}`
        reject(new Error(`${command} ${args[0] ?? ''}: ${ending}${details}`, { cause: error }))
      },
    )
  })
}

/** The lines from the first error on, or else the last lines. */
function tellingLines(text: string): string {
  const lines = stripVTControlCharacters(text).trim().split('\n')
  const errorAt = lines.findIndex(line => /\berror\b|\bfatal\b|^E: /i.test(line))
  const telling =
    errorAt < 0 ? lines.slice(-quotedLines) : lines.slice(errorAt).slice(0, quotedLines)
  return telling.join(' | ')
}
