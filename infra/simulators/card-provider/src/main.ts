import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { openNemesis } from '../../fault-log-client.ts'
import { createDialControl } from '../../settings-control.ts'
import { stopOnSignals } from '../../stop-on-signals.ts'
import { buildApp } from './app.ts'
import { createBackground } from './background.ts'
import { createChargeBook } from './charge-store.ts'
import type { Config } from './config.ts'
import { readConfig } from './config.ts'
import { createDelayedRequests } from './delayed-requests.ts'
import { executeLate } from './execute-late.ts'
import { createDials, dialsAtRest, dialTable } from './fault-settings.ts'
import { limits } from './limits.ts'
import { openTruthLog } from './provider-log.ts'
import { createRefusalCount } from './refusal-count.ts'
import { sendCallback } from './send-webhook.ts'
import { createSettlement } from './settlement.ts'
import { createTurns } from './turns.ts'
import { createUntoldDeeds } from './undelivered-webhooks.ts'
import type { Callbacks } from './webhooks.ts'
import { createCallbacks } from './webhooks.ts'

/**
 * Rebuilds the state from the truth log, serves until `stop`, and closes in reverse. Dials return
 * to rest at a start, so that a fault forgotten yesterday does not spoil today.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const book = createChargeBook(Date.now)
  const dials = createDials()
  const delayed = createDelayedRequests(Date.now)
  const untold = createUntoldDeeds()
  const settlement = createSettlement()
  let callbacks: Callbacks | undefined
  let loggedDials = dialsAtRest
  const truth = open.adopt(
    await openTruthLog(config.truthLog, line => {
      const deed = book.apply(line)
      delayed.apply(line)
      if (deed !== undefined) settlement.apply(deed)
      const toTell = untold.apply(line, deed)
      if (toTell !== undefined) callbacks?.begin(toTell)
      if (line.type === 'dials.changed') loggedDials = line.dials
    }),
    log => log.close(),
  )
  if (!isDeepStrictEqual(loggedDials, dialsAtRest)) {
    await truth.append({ type: 'dials.changed', cause: 'restart', dials: dialsAtRest })
  }

  const logError = (event: string) => (err: unknown) => app.log.error({ event, err }, event)
  const countRefusals = createRefusalCount(truth, logError('refusals.not_written'))
  const refusalCount = open.adopt(countRefusals, each => each.flush())
  const background = open.adopt(createBackground(logError('work.failed')), each => each.close())
  if (config.callbacks !== undefined) {
    const send = sendCallback(config.callbacks, truth, untold, stop)
    callbacks = createCallbacks({ dials, untold, background, truth, send, stop })
  }
  const control = open.adopt(
    createDialControl({
      ...dialTable,
      dials,
      async record(settings) {
        // What was refused so far was refused by the dials as they stood.
        await refusalCount.flush()
        await truth.append({ type: 'dials.changed', cause: 'patch', dials: settings })
      },
      nemesis: config.nemesisUrl === undefined ? undefined : openNemesis(config.nemesisUrl),
      onError: logError('nemesis.not_written'),
    }),
    each => each.close(),
  )
  const newId = (kind: string) => `${kind}_${randomBytes(12).toString('hex')}`
  const ordering = { book, dials, truth, delayed, callbacks, newId, turns: createTurns() }
  const { secretKey } = config
  const answering = { ...ordering, settlement, secretKey, control, refusalCount, stop }
  const app = open.use(buildApp(answering))

  delayed.start(executeLate({ ...ordering, now: Date.now }), background)
  for (const owed of untold.all()) callbacks?.begin(owed)
  control.start()
  await app.listen({ host: config.host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  app.log.info({ event: 'listening', port }, 'card-provider is listening')

  if (!stop.aborted) await once(stop, 'abort')
  setTimeout(() => app.server.closeAllConnections(), limits.stopGraceMs).unref()
}

if (import.meta.main) await run(readConfig(process.env), stopOnSignals())
