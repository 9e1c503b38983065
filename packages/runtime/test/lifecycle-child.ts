/** Run as a process of its own by lifecycle.integration.test.ts; what it does is its argument. */

import { ConfigError } from '../src/process/config.ts'
import { armCrashpoint, reachCrashPoint } from '../src/process/crashpoint.ts'
import { runService, untilAborted } from '../src/process/lifecycle.ts'
import { openLog } from '../src/telemetry/logger.ts'

const [mode = ''] = process.argv.slice(2)
const log = openLog('child')

/** Keeps the process alive, as an open connection would. */
const connection = setInterval(() => {}, 1_000)

await runService(log, 9_000, async stop => {
  if (mode === 'refuse') throw new ConfigError(['PORT: is not set', 'DATABASE_URL: is not set'])
  if (mode === 'throw') throw new Error('the database is of another version')
  if (mode === 'crashpoint') {
    armCrashpoint('second:3', [{ first: 'One is done.', second: 'Both are done.' }])
    for (let n = 1; n <= 5; n++) {
      log.info({ event: 'service.started', n })
      await log.flush()
      await reachCrashPoint('first')
      await reachCrashPoint('second')
    }
  }
  if (mode === 'loose-end') setImmediate(() => void Promise.reject(new Error('nobody waits')))
  log.info({ event: 'service.started' })
  await untilAborted(stop)
  if (mode === 'stuck') await new Promise(() => {})
  clearInterval(connection)
  if (mode === 'fail-to-close') throw new Error('could not close')
})
