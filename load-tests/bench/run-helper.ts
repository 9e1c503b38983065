import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const startMs = 10_000

export type Helper = AsyncDisposable & Readonly<{ url: string }>

/**
 * Runs a file as a server in a process of its own. It prints the port that it listens on.
 * @throws when it does not start in time
 */
export async function runHelper(file: string, ...args: readonly string[]): Promise<Helper> {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  const end = async () => {
    child.kill()
    await ended
  }
  try {
    const lines = createInterface({ input: child.stdout })
    const [port] = await once(lines, 'line', { signal: AbortSignal.timeout(startMs) })
    return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: end }
  } catch (error) {
    await end()
    throw error
  }
}
