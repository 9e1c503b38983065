import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { stopOnSignals } from '../../simulators/stop-on-signals.ts'
import { type Config, readConfig } from './config.ts'
import { buildApp } from './control/app.ts'
import { createControl } from './control/control.ts'
import { openFaultLog } from './control/fault-log.ts'
import { NewProxies, parse } from './control/schemas.ts'

/**
 * Opens the proxies of the settings, serves them and the control API until `stop`, and closes in
 * reverse: first the control API, then all connections, then every fault gets its end in the log.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const log = open.adopt(await openFaultLog(config.faultLog), each => each.close())
  const { host, seed, controlToken } = config
  const control = open.adopt(createControl({ log, host, seed }), each => each.close())
  const { proxies, error } = await control.populate(parse(NewProxies, config.proxies))
  if (error !== undefined) throw error
  control.fixAddresses()

  const app = open.use(buildApp({ control, controlToken, failure: log.failure }))
  await app.listen({ host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  app.log.info({ event: 'listening', port, proxies: proxies.length }, 'faults is listening')

  if (!stop.aborted) await once(stop, 'abort')
}

if (import.meta.main) await run(readConfig(process.env), stopOnSignals())
