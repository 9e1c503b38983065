/** Run as a process of its own by log-output.integration.test.ts. It logs much, and says by IPC how it goes. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { runService, untilAborted } from '../src/process/lifecycle.ts'
import { openLog } from '../src/telemetry/logger.ts'

const linesMax = 100_000
const perTurn = 500
const bytesPerMiB = 1024 * 1024
const log = openLog('child')

await runService(log, 9_000, async stop => {
  const line = { event: 'loop.failed', text: 'x'.repeat(500) } as const
  const connection = setInterval(() => {}, 1_000)
  let slowestTurnMs = 0
  for (let logged = 0; logged < linesMax; logged += perTurn) {
    const begunMs = performance.now()
    for (let at = 0; at < perTurn; at += 1) log.info(line)
    await nextTurn()
    slowestTurnMs = Math.max(slowestTurnMs, performance.now() - begunMs)
  }
  const rssMiB = process.memoryUsage().rss / bytesPerMiB
  process.send?.({ slowestTurnMs, rssMiB })
  await untilAborted(stop)
  clearInterval(connection)
})
