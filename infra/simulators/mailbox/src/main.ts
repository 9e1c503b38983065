import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { openAppendLog } from '../../append-log.ts'
import { openInjector } from '../../fault-log-client.ts'
import { createSettingControl } from '../../settings-control.ts'
import { stopOnSignals } from '../../stop-on-signals.ts'
import { buildApp } from './app.ts'
import type { Config } from './config.ts'
import { readConfig } from './config.ts'
import { createSettings, settingsAtRest, settingTable } from './fault-settings.ts'
import { limits } from './limits.ts'
import type { MailEntry } from './mail-entry.ts'
import { createMailStore } from './mail-store.ts'
import { receiveMail } from './receive-mail.ts'
import { openSmtp } from './smtp.ts'

/**
 * Rebuilds the mails from the log, takes mail and shows it until `stop`, and closes in reverse.
 * Settings return to rest at a start, so that a fault forgotten yesterday does not spoil today.
 */
export async function run(config: Config, stop: AbortSignal): Promise<void> {
  await using open = new AsyncDisposableStack()
  const store = createMailStore()
  const settings = createSettings()
  let loggedSettings = settingsAtRest
  const log = open.adopt(
    await openAppendLog<MailEntry>(config.mailLog, line => {
      store.apply(line)
      if (line.type === 'settings.changed') loggedSettings = line.settings
    }),
    each => each.close(),
  )
  if (!isDeepStrictEqual(loggedSettings, settingsAtRest)) {
    await log.append({ type: 'settings.changed', cause: 'restart', settings: settingsAtRest })
  }

  const control = open.adopt(
    createSettingControl({
      ...settingTable,
      settings,
      async record(settings) {
        await log.append({ type: 'settings.changed', cause: 'patch', settings: settings })
      },
      injector: config.faultLogUrl === undefined ? undefined : openInjector(config.faultLogUrl),
      onError: err => app.log.error({ event: 'injector.not_written', err }, 'injector.not_written'),
    }),
    each => each.close(),
  )
  const app = open.use(buildApp({ settings, control, log, store }))
  control.start()
  const deps = { settings, log, store, wait: (ms: number) => waitUnlessStopped(ms, stop) }
  const smtp = open.adopt(
    await openSmtp(
      config.host,
      config.smtpPort,
      async envelope => {
        const verdict = await receiveMail(deps, envelope)
        app.log.info({ event: `mail.${verdict}`, bytes: envelope.raw.length }, `mail ${verdict}`)
        return verdict
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
