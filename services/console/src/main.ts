import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ConfigError, readConfig } from '@nightshift/runtime/process/config'
import { runService, untilAborted } from '@nightshift/runtime/process/lifecycle'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { buildApp } from './app.ts'
import { compose } from './compose.ts'
import { Config } from './config.ts'
import { limits } from './limits.ts'
import type { ConsoleLog } from './log-events.ts'

if (import.meta.main) {
  const log: ConsoleLog = openLog('console')
  await runService(log, limits.stopDeadlineMs, async stop => {
    const config = readConfig(Config, process.env)
    refuseToBeFound(config)
    log.setLevel(config.LOG_LEVEL)
    await buildPage()
    await using open = new AsyncDisposableStack()
    const app = buildApp(compose(config, log, open))
    open.defer(() => app.close())
    await app.listen({ host: config.HOST, port: config.PORT })
    log.info({ event: 'console.started', port: config.PORT })
    await untilAborted(stop)
  })
}

/** The console breaks things on purpose, so nobody else may reach it. */
function refuseToBeFound({ NODE_ENV, HOST, LAB }: Config): void {
  if (LAB === '1') return
  const isLoopback = HOST === 'localhost' || HOST === '::1' || HOST.startsWith('127.')
  const mistakes = [
    ...(NODE_ENV === 'production' ? ['NODE_ENV: the console does not run in production'] : []),
    ...(isLoopback ? [] : ['HOST: others could reach this address; use 127.0.0.1']),
  ]
  if (mistakes.length > 0) throw new ConfigError(mistakes)
}

/** A process of its own builds the page: the builder needs more memory than the console may have. */
async function buildPage(): Promise<void> {
  const builder = spawn(process.execPath, [join(import.meta.dirname, 'build-page.ts')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = await once(builder, 'exit')
  if (code !== 0) throw new Error('the page could not be built')
}
