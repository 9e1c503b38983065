import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { openAppendLog } from '../../append-log.ts'
import { createFaultLogClient } from '../../fault-log-client.ts'
import { createSettingsControl } from '../../settings-control.ts'
import { stopOnSignals } from '../../stop-on-signals.ts'
import { buildApp } from './app.ts'
import type { Config } from './config.ts'
import { readConfig } from './config.ts'
import { createSettings, defaultSettings, settingTable } from './fault-settings.ts'
import { limits } from './limits.ts'
import type { MailLogEntry } from './mail-log-entry.ts'
import { createMailStore } from './mail-store.ts'
import { receiveMail } from './receive-mail.ts'
import { openSmtp } from './smtp.ts'

/**
 * Rebuilds the mails from the log, accepts and shows mail until `stop`, and closes in reverse order.
 * Every start resets the settings, so that a forgotten fault does not spoil the next run.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const store = createMailStore()
  const settings = createSettings()
  let loggedSettings = defaultSettings
  const log = open.adopt(
    await openAppendLog<MailLogEntry>(config.mailLog, line => {
      store.apply(line)
      if (line.type === 'settings.changed') loggedSettings = line.settings
    }),
    each => each.close(),
  )
  if (!isDeepStrictEqual(loggedSettings, defaultSettings)) {
    await log.append({ type: 'settings.changed', cause: 'restart', settings: defaultSettings })
  }

  const control = open.adopt(
    createSettingsControl({
      ...settingTable,
      settings,
      async record(settings) {
        await log.append({ type: 'settings.changed', cause: 'patch', settings })
      },
      faultLog:
        config.faultLogUrl === undefined
          ? undefined
          : createFaultLogClient(config.faultLogUrl, config.controlToken),
      onError: err => app.log.error({ event: 'fault_log.failed', err }, 'the fault log failed'),
    }),
    each => each.close(),
  )
  const app = open.use(
    buildApp({ settings, control, log, store, controlToken: config.controlToken }),
  )
  control.start()
  const deps = { settings, log, store, wait: (ms: number) => waitUnlessStopped(ms, stop) }
  const smtp = open.adopt(
    await openSmtp(
      config.host,
      config.smtpPort,
      async envelope => {
        const outcome = await receiveMail(deps, envelope)
        app.log.info({ event: `mail.${outcome}`, bytes: envelope.raw.length }, `mail ${outcome}`)
        return outcome
      },
      error => app.log.warn({ event: 'smtp.failed', err: error }, 'a mail session failed'),
    ),
    each => each.close(),
  )
  await app.listen({ host: config.host, port: config.port })
  const { port } = app.server.address() as AddressInfo
  app.log.info({ event: 'listening', port, smtpPort: smtp.port }, 'mailbox is listening')

  if (!stop.aborted) await once(stop, 'abort')
  setTimeout(() => app.server.closeAllConnections(), limits.stopGraceMs).unref()
}

async function waitUnlessStopped(ms: number, stop: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal: stop })
}

if (import.meta.main) await run(readConfig(process.env), stopOnSignals())
