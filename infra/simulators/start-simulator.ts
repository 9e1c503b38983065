import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { waitUntil } from './wait-until.ts'

/** The simulator runs as a separate process, as it does in the real system. */
export type Simulator = Readonly<{
  url: string
  /** The ports have the names of the `listening` log line. */
  ports: Readonly<Record<string, number>>
  /** Answers everything that the process has printed so far. */
  output: () => string
  /** Sends SIGTERM and answers the exit code. Throws when the process still runs after 5 s. */
  stop: () => Promise<number | null>
  /** Sends SIGKILL, which leaves the process no time to write anything. */
  kill: () => Promise<void>
}>

/** Opens the settings of every simulator that a test starts. */
export const controlToken = 'control-token-of-tests'
export const withToken = { authorization: `Bearer ${controlToken}` }

/** A start takes under a second, and many times that while other programs use the processor. */
const startDeadlineMs = 40_000
const stopDeadlineMs = 5_000

/** Starts `main` on free ports for a test, and resolves once it answers GET /health. */
export async function startSimulator(
  main: URL,
  env: Readonly<Record<string, string>>,
): Promise<Simulator> {
  const child = spawn(process.execPath, [fileURLToPath(main)], {
    env: { PORT: '0', CONTROL_TOKEN: controlToken, ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const exited = () => child.exitCode !== null || child.signalCode !== null

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (exited()) return
    const exit = once(child, 'exit', { signal: AbortSignal.timeout(stopDeadlineMs) })
    child.kill(signal)
    await exit
  }

  try {
    const ports = await waitUntil(
      'it listens',
      () => {
        if (exited()) throw new Error(`it ended at its start:\n${output}`)
        return findPorts(output)
      },
      startDeadlineMs,
    )
    const url = `http://127.0.0.1:${ports['port']}`
    await waitUntil('it is healthy', async () => (await fetch(`${url}/health`)).ok)
    return {
      url,
      ports,
      output: () => output,
      async stop() {
        await end('SIGTERM')
        return child.exitCode
      },
      kill: () => end('SIGKILL'),
    }
  } catch (error) {
    await end('SIGKILL')
    throw error
  }
}

function findPorts(output: string): Record<string, number> | undefined {
  const line = output.split('\n').find(each => each.includes('"event":"listening"'))
  return line?.endsWith('}') ? JSON.parse(line) : undefined
}
