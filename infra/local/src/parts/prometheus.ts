import { join } from 'node:path'
import { environmentOf, programEnvironment } from '../machine.ts'
import { debianCandidates } from './debian-packages.ts'
import type { Missing, SearchContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, programOnPath, tryEach } from './try-each.ts'

/** What this machine runs Prometheus by. The libraries are empty unless they were unpacked with it. */
export type PrometheusPrograms = Readonly<{
  server: string
  /** Checks and tests rules. */
  promtool: string
  libraries: string
  version: string
  from: string
}>

const debianPackages = ['prometheus']
const debianServer = 'usr/bin/prometheus'
/** Our rules and flags are understood since 2.40; Debian 12 has 2.42. */
const versionMin = '2.40'
const versionDeadlineMs = 5_000

/**
 * Prometheus from the machine, or unpacked from Debian packages. Nothing depends on it: a system
 * without it has no alerts, and all else.
 */
export async function findPrometheus(
  context: SearchContext,
  candidates: readonly Candidate<PrometheusPrograms>[] = Object.values(
    prometheusCandidates(context),
  ),
): Promise<{ how: 'native'; run: PrometheusPrograms } | Missing> {
  const tried = await tryEach(candidates)
  if (tried.ok) return { how: 'native', run: tried.value }
  return {
    how: 'missing',
    needed: `Prometheus ${versionMin} or newer, for alerts`,
    reasons: tried.reasons,
    fix: 'install it (`apt-get install prometheus`, `brew install prometheus`), or set PROMETHEUS_URL',
  }
}

/** The candidates for a Prometheus, the cheapest first. */
export function prometheusCandidates(context: SearchContext) {
  const environment = environmentOf(context)
  const debianDir = join(context.toolsDir, 'prometheus-debian')

  const check = async (server: string, libraries: string, from: string) => {
    const { stdout, stderr } = await runCommand(server, ['--version'], {
      environment: {
        ...programEnvironment(environment),
        ...(libraries && { LD_LIBRARY_PATH: libraries }),
      },
      deadlineMs: versionDeadlineMs,
    })
    const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(`${stdout}${stderr}`)?.[1]
    if (version === undefined) throw new Error(`${server} does not say its version`)
    const promtool = server.replace(/prometheus$/, 'promtool')
    if (version.localeCompare(versionMin, 'en', { numeric: true }) >= 0) {
      return { server, promtool, libraries, version, from }
    }
    throw new Error(`${server} is Prometheus ${version}, needed is ${versionMin} or newer`)
  }
  const { unpackedDebian, debian } = debianCandidates(
    context,
    { title: 'Prometheus', packages: debianPackages, program: debianServer, directory: debianDir },
    check,
  )

  return {
    path: programOnPath('prometheus', environment, server => check(server, '', 'PATH')),
    unpackedDebian,
    debian,
  } satisfies Record<string, Candidate<PrometheusPrograms>>
}
