import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PrometheusPrograms } from '../parts/prometheus.ts'
import { defaultPortBase, portPlan } from '../ports/ports.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { instancesOf } from './instances.ts'
import { serviceNames } from './secrets.ts'
import { repoRoot } from './state.ts'
import type { Topology } from './topology.ts'

const host = '127.0.0.1'
const stopGraceMs = 10_000
const startTimeoutMs = 15_000

/** The rules with the windows of production, as `npm run docs` writes them. */
export const committedRules = join(repoRoot, 'infra/observability/prometheus/alerts.yml')

export type Prometheus = Readonly<{
  programs: Pick<PrometheusPrograms, 'server' | 'libraries'>
  port: number
  /** Its database and its configuration, which `writePrometheusConfig` writes. */
  dir: string
  rulesFile: string
  scrapeInterval: string
}>

/** Where the instances of one service can be asked for their metrics. */
type Targets = Readonly<{ service: string; addresses: readonly string[] }>

export function prometheusProcess({ programs, port, dir }: Prometheus): ProcessSpec {
  const url = `http://${host}:${port}`
  return {
    name: 'prometheus',
    kind: 'part',
    command: programs.server,
    args: [
      `--config.file=${configFile(dir)}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      '--storage.tsdb.retention.time=7d',
      '--storage.tsdb.retention.size=500MB',
      `--web.listen-address=${host}:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ],
    cwd: dir,
    env: programs.libraries === '' ? {} : { LD_LIBRARY_PATH: programs.libraries },
    url,
    ports: [port],
    ready: { kind: 'http', url: `${url}/-/ready` },
    stopSignal: 'SIGTERM',
    stopGraceMs,
    startTimeoutMs,
  }
}

/** Writes the configuration for these processes. It has to be there before Prometheus starts. */
export async function writePrometheusConfig(
  specs: Readonly<Partial<Topology>>,
  { dir, rulesFile, scrapeInterval }: Prometheus,
): Promise<void> {
  const targets = serviceNames.map(service => ({
    service,
    addresses: instancesOf(service).flatMap(name => {
      const port = specs[name]?.env['OPERATIONS_PORT']
      return port === undefined ? [] : [`${host}:${port}`]
    }),
  }))
  await mkdir(join(dir, 'data'), { recursive: true })
  await writeFile(configFile(dir), prometheusConfig({ targets, rulesFile, scrapeInterval }))
}

/** A configuration in JSON, which is YAML, too. */
function prometheusConfig({
  targets,
  rulesFile,
  scrapeInterval,
}: Pick<Prometheus, 'rulesFile' | 'scrapeInterval'> &
  Readonly<{ targets: readonly Targets[] }>): string {
  const config = {
    global: {
      scrape_interval: scrapeInterval,
      scrape_timeout: scrapeInterval,
      evaluation_interval: scrapeInterval,
    },
    rule_files: [rulesFile],
    scrape_configs: targets.map(({ service, addresses }) => ({
      job_name: service,
      // A service says itself which it is, by a label of the same name.
      honor_labels: true,
      static_configs: [{ targets: addresses }],
    })),
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/** The configuration for Compose, where each service has its own host. `npm run docs` writes it. */
export function composePrometheusConfig(): string {
  const ports = portPlan(defaultPortBase)
  const targets = serviceNames.map(service => ({
    service,
    addresses: [`${service}:${ports[`${service}Operations`]}`],
  }))
  return prometheusConfig({
    targets,
    rulesFile: '/etc/prometheus/alerts.yml',
    scrapeInterval: '5s',
  })
}

function configFile(dir: string): string {
  return join(dir, 'prometheus.yml')
}
