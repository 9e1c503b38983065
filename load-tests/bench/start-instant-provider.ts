import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repoRoot } from '@nightshift/local/system/state'

const program = join(repoRoot, 'load-tests/bench/instant-provider.ts')
const startMs = 10_000

export type InstantProvider = AsyncDisposable & Readonly<{ url: string }>

/** Starts the provider that takes no time, and ends it again. @throws when it does not start in time */
export async function startInstantProvider(): Promise<InstantProvider> {
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
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
