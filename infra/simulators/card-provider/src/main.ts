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
import { createIntentQueue } from './operations/carry-out.ts'
import { createDelayedRequests } from './operations/delayed-requests.ts'
import { executeDelayed } from './operations/execute-delayed.ts'
import { createSettings, defaultSettings, settingTable } from './settings/fault-settings.ts'
import { createChargeStore } from './store/charge-store.ts'
import { createSettlement } from './store/settlement.ts'
import { sendWebhook } from './webhooks/send-webhook.ts'
import { createUndeliveredWebhooks } from './webhooks/undelivered-webhooks.ts'
import type { Webhooks } from './webhooks/webhooks.ts'
import { createWebhooks } from './webhooks/webhooks.ts'

/**
 * Rebuilds the state from the provider log, serves until `stop`, and closes in reverse order. Every
 * start resets the settings, so that a forgotten fault does not spoil the next run.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const store = createChargeStore(Date.now)
  const settings = createSettings()
  const delayed = createDelayedRequests(Date.now)
  const undelivered = createUndeliveredWebhooks()
  const settlement = createSettlement()
  let webhooks: Webhooks | undefined
  let loggedSettings = defaultSettings
  const providerLog = open.adopt(
    await openProviderLog(config.providerLog, line => {
      const completed = store.apply(line)
      delayed.apply(line)
      if (completed !== undefined) settlement.apply(completed)
      const webhook = undelivered.apply(line, completed)
      if (webhook !== undefined) webhooks?.begin(webhook)
      if (line.type === 'settings.changed') loggedSettings = line.settings
    }),
    log => log.close(),
  )
  if (!isDeepStrictEqual(loggedSettings, defaultSettings)) {
    await providerLog.append({
      type: 'settings.changed',
      cause: 'restart',
      settings: defaultSettings,
    })
  }

  const logError = (event: string) => (err: unknown) => app.log.error({ event, err }, event)
  const refusalCount = open.adopt(
    createRefusalCount(providerLog, logError('refusals.not_written')),
    each => each.flush(),
  )
  const background = open.adopt(createBackground(logError('background.failed')), each =>
    each.close(),
  )
  if (config.webhooks !== undefined) {
    const send = sendWebhook(config.webhooks, providerLog, undelivered, stop)
    webhooks = createWebhooks({ settings, undelivered, background, providerLog, send, stop })
  }
  const control = open.adopt(
    createSettingsControl({
      ...settingTable,
      settings,
      async record(settings) {
        // The refusals so far happened under the settings before the change.
        await refusalCount.flush()
        await providerLog.append({ type: 'settings.changed', cause: 'patch', settings })
      },
      faultLog:
        config.faultLogUrl === undefined
          ? undefined
          : createFaultLogClient(config.faultLogUrl, config.controlToken),
      onError: logError('fault_log.failed'),
    }),
    each => each.close(),
  )
  const operationDeps = {
    store,
    settings,
    providerLog,
    delayed,
    webhooks,
    newId: (kind: string) => `${kind}_${randomBytes(12).toString('hex')}`,
    intentQueue: createIntentQueue(),
  }
  const { secretKey, controlToken } = config
  const app = open.use(
    buildApp({
      ...operationDeps,
      settlement,
      secretKey,
      controlToken,
      control,
      refusalCount,
      stop,
    }),
  )

  delayed.start(executeDelayed({ ...operationDeps, now: Date.now }), background)
  for (const webhook of undelivered.all()) webhooks?.begin(webhook)
  control.start()
  await app.listen({ host: config.host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  app.log.info({ event: 'listening', port }, 'card-provider is listening')
  const kept = store.kept()
  if (kept >= limits.recordsMax) app.log.warn({ event: 'records.full', kept }, fullAdvice)

  if (!stop.aborted) await once(stop, 'abort')
  setTimeout(() => app.server.closeAllConnections(), limits.stopGraceMs).unref()
}

const fullAdvice =
  'Every new charge gets a 429 until settled ones leave the memory: set a shorter keyWindowSeconds, or run `npm run reset`'

if (import.meta.main) await run(readConfig(process.env), stopOnSignals())
