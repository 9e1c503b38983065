import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { createFaultLogClient } from '../../fault-log-client.ts'
import { createSettingsControl } from '../../settings-control.ts'
import { stopOnSignals } from '../../stop-on-signals.ts'
import { buildApp } from './app.ts'
import { createBackground } from './background.ts'
import type { Config } from './config.ts'
import { readConfig } from './config.ts'
import { limits } from './limits.ts'
import { openProviderLog } from './log/provider-log.ts'
import { createRefusalCount } from './log/refusal-count.ts'
import { createTurns } from './operations/carry-out.ts'
import { createDelayedRequests } from './operations/delayed-requests.ts'
import { executeLate } from './operations/execute-delayed.ts'
import { createSettings, settingsAtRest, settingTable } from './settings/fault-settings.ts'
import { createChargeBook } from './store/charge-store.ts'
import { createSettlement } from './store/settlement.ts'
import { sendWebhook } from './webhooks/send-webhook.ts'
import { createUntoldDeeds } from './webhooks/undelivered-webhooks.ts'
import type { Webhooks } from './webhooks/webhooks.ts'
import { createWebhooks } from './webhooks/webhooks.ts'

/**
 * Rebuilds the state from the provider log, serves until `stop`, and closes in reverse. Settings return
 * to rest at a start, so that a fault forgotten yesterday does not spoil today.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const book = createChargeBook(Date.now)
  const settings = createSettings()
  const delayed = createDelayedRequests(Date.now)
  const untold = createUntoldDeeds()
  const settlement = createSettlement()
  let webhooks: Webhooks | undefined
  let loggedSettings = settingsAtRest
  const truth = open.adopt(
    await openProviderLog(config.providerLog, line => {
      const deed = book.apply(line)
      delayed.apply(line)
      if (deed !== undefined) settlement.apply(deed)
      const toTell = untold.apply(line, deed)
      if (toTell !== undefined) webhooks?.begin(toTell)
      if (line.type === 'settings.changed') loggedSettings = line.settings
    }),
    log => log.close(),
  )
  if (!isDeepStrictEqual(loggedSettings, settingsAtRest)) {
    await truth.append({ type: 'settings.changed', cause: 'restart', settings: settingsAtRest })
  }

  const logError = (event: string) => (err: unknown) => app.log.error({ event, err }, event)
  const countRefusals = createRefusalCount(truth, logError('refusals.not_written'))
  const refusalCount = open.adopt(countRefusals, each => each.flush())
  const background = open.adopt(createBackground(logError('work.failed')), each => each.close())
  if (config.webhooks !== undefined) {
    const send = sendWebhook(config.webhooks, truth, untold, stop)
    webhooks = createWebhooks({ settings, untold, background, truth, send, stop })
  }
  const control = open.adopt(
    createSettingsControl({
      ...settingTable,
      settings,
      async record(settings) {
        // What was refused so far was refused by the settings as they stood.
        await refusalCount.flush()
        await truth.append({ type: 'settings.changed', cause: 'patch', settings: settings })
      },
      faultLog:
        config.faultLogUrl === undefined ? undefined : createFaultLogClient(config.faultLogUrl),
      onError: logError('fault_log.failed'),
    }),
    each => each.close(),
  )
  const newId = (kind: string) => `${kind}_${randomBytes(12).toString('hex')}`
  const ordering = { book, settings, truth, delayed, webhooks, newId, turns: createTurns() }
  const { secretKey } = config
  const answering = { ...ordering, settlement, secretKey, control, refusalCount, stop }
  const app = open.use(buildApp(answering))

  delayed.start(executeLate({ ...ordering, now: Date.now }), background)
  for (const owed of untold.all()) webhooks?.begin(owed)
  control.start()
  await app.listen({ host: config.host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  app.log.info({ event: 'listening', port }, 'card-provider is listening')

  if (!stop.aborted) await once(stop, 'abort')
  setTimeout(() => app.server.closeAllConnections(), limits.stopGraceMs).unref()
}

if (import.meta.main) await run(readConfig(process.env), stopOnSignals())
