import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { stopOnSignals } from '../../stop-on-signals.ts'
import { buildApp } from './app.ts'
import { createChargeBook } from './charge-book.ts'
import type { Config } from './config.ts'
import { readConfig } from './config.ts'
import { createDials, dialsAtRest } from './dials.ts'
import { limits } from './limits.ts'
import { openTruthLog } from './truth-log.ts'

/**
 * Rebuilds the state from the truth log, serves until `stop`, and closes in reverse. Dials return
 * to rest at a start, so that a fault forgotten yesterday does not spoil today.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const book = createChargeBook(Date.now)
  const dials = createDials()
  let loggedDials = dialsAtRest
  const truth = open.adopt(
    await openTruthLog(config.truthLog, line => {
      book.apply(line)
      if (line.type === 'dials.changed') loggedDials = line.dials
    }),
    log => log.close(),
  )
  if (!isDeepStrictEqual(loggedDials, dialsAtRest)) {
    await truth.append({ type: 'dials.changed', cause: 'restart', dials: dialsAtRest })
  }

  const app = open.use(buildApp({ secretKey: config.secretKey, book, dials, truth, stop }))
  await app.listen({ host: config.host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  app.log.info({ event: 'listening', port }, 'card-provider is listening')

  if (!stop.aborted) await once(stop, 'abort')
  setTimeout(() => app.server.closeAllConnections(), limits.stopGraceMs).unref()
}

if (import.meta.main) await run(readConfig(process.env), stopOnSignals())
