import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { waitUntil } from './wait-until.ts'

/** A simulator that runs as a process of its own, as it does in the real system. */
export type Simulator = Readonly<{
  url: string
  /** The ports it said it listens on, by the names in its `listening` line. */
  ports: Readonly<Record<string, number>>
  /** Everything it has printed. */
  output: () => string
  /** SIGTERM; answers the exit code, and throws when it is still there after 5 s. */
  stop: () => Promise<number | null>
  /** SIGKILL: no time to write anything down. */
  kill: () => Promise<void>
}>

const startDeadlineMs = 10_000
const stopDeadlineMs = 5_000

/** For tests: starts `main` on free ports and resolves once it answers GET /health. */
export async function startSimulator(
  main: URL,
  env: Readonly<Record<string, string>>,
): Promise<Simulator> {
  const child = spawn(process.execPath, [fileURLToPath(main)], { env: { PORT: '0', ...env } })
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
