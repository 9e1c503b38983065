import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

type Report = { slowestTurnMs: number; rssMiB: number }

const reportMs = 20_000
const endMs = 5_000
/** The lines that are logged are 55 MB. The output may hold 8 MiB of them. */
const rssMaxMiB = 250
const turnMaxMs = 1_000

/** Starts a process that logs 100,000 lines to this output, and ends it by SIGTERM afterwards. */
async function logTo(output: number | 'pipe'): Promise<Report & { exitCode: number }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('./log-output-child.ts', import.meta.url))],
    {
      stdio: ['ignore', output, 'inherit', 'ipc'],
    },
  )
  // A pipe without a listener is not read.
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(reportMs + endMs) })
  try {
    const [report] = await once(child, 'message', { signal: AbortSignal.timeout(reportMs) })
    child.kill('SIGTERM')
    const [exitCode] = await ended
    return { ...(report as Report), exitCode }
  } finally {
    child.kill('SIGKILL')
  }
}

test.skipIf(!existsSync('/dev/full'))(
  'a full disk under the log stops nothing: neither the work nor the end of the process',
  async () => {
    await using full = await open('/dev/full', 'w')
    const { exitCode, slowestTurnMs, rssMiB } = await logTo(full.fd)
    expect(exitCode).toBe(0)
    expect(slowestTurnMs).toBeLessThan(turnMaxMs)
    expect(rssMiB).toBeLessThan(rssMaxMiB)
  },
)

test('a pipe that nobody reads stops nothing, and what waits in it is bounded', async () => {
  const { exitCode, slowestTurnMs, rssMiB } = await logTo('pipe')
  expect(exitCode).toBe(0)
  expect(slowestTurnMs).toBeLessThan(turnMaxMs)
  expect(rssMiB).toBeLessThan(rssMaxMiB)
})
