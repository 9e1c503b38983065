import { join } from 'node:path'
import { faultProxyClient } from '@nightshift/faults/fault-proxy-client'
import { targetNames } from '@nightshift/faults/injector/heal'
import { openInjector } from '@nightshift/faults/injector/injector'
import type { InjectorTarget } from '@nightshift/faults/injector/target'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { controlClient } from '@nightshift/local/supervisor/control-client'
import { type InstanceName, instancesOf } from '@nightshift/local/system/instances'
import { switchPattern } from '@nightshift/local/system/pattern-switches'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import { partNames } from '@nightshift/local/system/start-parts'
import type { AppDeps } from './app.ts'
import { openAuditControl } from './clients/audit-control.ts'
import { openCompareControl, replaysDir } from './clients/compare-control.ts'
import { type FaultControl, openFaultControl } from './clients/fault-control.ts'
import { followCharges } from './clients/follow-charges.ts'
import { openLoadControl } from './clients/load-control.ts'
import { openLogReader } from './clients/read-log.ts'
import { openLogSearch } from './clients/search-logs.ts'
import type { Instance } from './clients/sources.ts'
import { openToolRunner } from './clients/tool-run.ts'
import type { Config } from './config.ts'
import { openObserver } from './jobs/observer.ts'
import { openPromiseWatch } from './jobs/promise-watch.ts'
import { openLab } from './lab/lab.ts'
import type { ConsoleLog } from './log-events.ts'

/** The parts, and the names that the databases have in this system. */
type ConsoleParts = TestParts & Readonly<{ databases: Readonly<Record<ServiceName, string>> }>

/** Opens what the console looks at and drives. `open` closes it in reverse. */
export function compose(config: Config, log: ConsoleLog, open: AsyncDisposableStack): AppDeps {
  const parts = JSON.parse(config.PARTS) as ConsoleParts
  const target = targetOf(config, parts)
  const instances = instancesIn(config)
  const faults = open.adopt(openFaults(target, log), each => each.close())
  const load = open.adopt(openLoad(config, parts), each => each.close())
  const observer = open.adopt(
    openObserver({
      supervisor: target.client,
      faults: target.faults,
      instances,
      prefix: config.PROCESS_PREFIX,
      healsAt: faults.healsAt,
      load: load.view,
      onError: error => log.warn({ event: 'console.look_failed', error }),
    }),
    each => each.stop(),
  )
  const follow = followCharges({
    payments: target.databaseUrl('payments'),
    listings: target.databaseUrl('listings'),
    notifications: target.databaseUrl('notifications'),
  })
  const { CARD_PROVIDER_URL: cardProviderUrl, MAILBOX_URL: mailboxUrl } = config
  const promises = open.adopt(
    openPromiseWatch({ observer, cardProviderUrl, mailboxUrl, follow }),
    each => each.stop(),
  )
  const lab = open.adopt(
    openLab(parts, error => log.warn({ event: 'console.lab_failed', error })),
    each => each.close(),
  )
  const { PATH, HOME } = config
  const openTool = () => open.adopt(openToolRunner({ PATH, HOME }), each => each.close())
  const compare = openCompareControl(openTool())
  const audit = openAuditControl(openTool())
  const switches = {
    client: target.client,
    nameOf: (name: InstanceName) => target.nameOf(name),
    processes: instances,
  }
  return {
    lab,
    compare,
    audit,
    observer,
    promises,
    faults,
    load,
    readLog: openLogReader(target.client, target.nameOf),
    switchTo: (pattern, variant) => switchPattern(switches, pattern, variant),
    searchLogs: openLogSearch(target.client, config.PROCESS_PREFIX),
    traceSinkUrl: config.TRACE_SINK_URL,
    prometheusUrl: config.PROMETHEUS_URL,
    pageDir: join(import.meta.dirname, '../dist'),
    replaysDir,
    log,
  }
}

/** Both instances of each service, where there are two. */
function instancesIn(config: Config): Instance[] {
  const first: Readonly<Record<ServiceName, string>> = {
    payments: config.PAYMENTS_OPERATIONS_URL,
    listings: config.LISTINGS_OPERATIONS_URL,
    notifications: config.NOTIFICATIONS_OPERATIONS_URL,
  }
  const second = JSON.parse(config.SECOND_OPERATIONS_URLS) as Partial<Record<InstanceName, string>>
  const urls: Partial<Record<InstanceName, string>> = { ...first, ...second }
  return serviceNames.flatMap(service =>
    instancesOf(service).flatMap(name => {
      const operationsUrl = urls[name]
      return operationsUrl === undefined ? [] : [{ service, name, operationsUrl }]
    }),
  )
}

/** The system that is broken here. */
function targetOf(config: Config, parts: ConsoleParts): InjectorTarget {
  const isPart = (name: string) => partNames.some(part => part === name)
  return {
    client: controlClient({ url: config.SUPERVISOR_URL, token: config.CONTROL_TOKEN }),
    nameOf: name => (isPart(name) ? name : `${config.PROCESS_PREFIX}${name}`),
    faults: faultProxyClient(config.FAULTS_URL, config.CONTROL_TOKEN),
    controlToken: config.CONTROL_TOKEN,
    databaseUrl: service => databaseUrl(parts.postgresUrl, { database: parts.databases[service] }),
    redisUrl: parts.redisUrl,
    simulatorUrl: name => (name === 'mailbox' ? config.MAILBOX_URL : config.CARD_PROVIDER_URL),
  }
}

function openFaults(target: InjectorTarget, log: ConsoleLog): FaultControl {
  return openFaultControl(
    { injector: openInjector(target), target, processes: () => targetNames(target) },
    error => log.warn({ event: 'console.heal_failed', error }),
  )
}

function openLoad(config: Config, parts: ConsoleParts) {
  return openLoadControl({
    urls: {
      payments: config.PAYMENTS_URL,
      listings: config.LISTINGS_URL,
      notifications: config.NOTIFICATIONS_URL,
    },
    apiKeys: parts.secrets.apiKeys,
    mailboxUrl: config.MAILBOX_URL,
    dir: config.LOAD_DIR,
  })
}
