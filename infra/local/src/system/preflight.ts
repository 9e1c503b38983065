import { findHaproxy, type HaproxyProgram } from '../parts/haproxy.ts'
import { findPrometheus, type PrometheusPrograms } from '../parts/prometheus.ts'
import { isTaken } from '../ports/free-ports.ts'
import { findPortHolder } from '../ports/port-holder.ts'
import type { PortName, PortPlan, ReplicaPorts } from '../ports/ports.ts'
import type { ExternalPart } from './external-parts.ts'
import { problemOf } from './external-parts.ts'
import { type FoundPart, findParts, type PartOptions, partNames } from './start-parts.ts'

/** The ports of each part and of the links to it; an external part takes none of them. */
const portsOfParts: Readonly<Record<(typeof partNames)[number], readonly PortName[]>> = {
  postgres: ['postgres', 'paymentsToPostgres', 'listingsToPostgres', 'notificationsToPostgres'],
  redis: ['redis', 'listingsToRedis'],
  kafka: [
    'kafka',
    'kafkaController',
    'kafkaForPayments',
    'kafkaForListings',
    'kafkaForNotifications',
    'paymentsToKafka',
    'listingsToKafka',
    'notificationsToKafka',
  ],
}

/** The ports of a system, and those of its second instances, if it has any. */
export type SystemPorts = Readonly<{ plan: PortPlan; replicas: ReplicaPorts | undefined }>

/**
 * The ports that this system will listen on itself.
 * @param hasPrometheus whether it runs one of its own
 */
export function ownPorts(
  { plan, replicas }: SystemPorts,
  external: readonly ExternalPart[],
  hasPrometheus: boolean,
): { name: string; port: number }[] {
  const foreign = new Set<string>(external.flatMap(({ name }) => portsOfParts[name]))
  if (!hasPrometheus) foreign.add('prometheus')
  const entries = Object.entries({ ...plan, ...replicas }).map(([name, port]) => ({ name, port }))
  return entries.filter(({ name }) => !foreign.has(name))
}

/**
 * What a start will run the parts by. HAProxy is looked for only if the system needs it. Without
 * Prometheus the system starts, and says so.
 */
export type Needed = Readonly<{
  found: FoundPart[]
  haproxy: HaproxyProgram | undefined
  prometheus: PrometheusPrograms | undefined
}>

/**
 * Checks everything that a start needs before anything is started. Throws one error that names all
 * problems, each with its fix, so that a person does not find them one start at a time.
 */
export async function preflight(
  options: PartOptions,
  ports: SystemPorts,
  external: readonly ExternalPart[],
  wantsPrometheus: boolean,
): Promise<Needed> {
  const isExternal = (name: string) => external.some(part => part.name === name)
  const [portProblems, externalProblems, { found, missing }, proxy, prometheus] = await Promise.all(
    [
      findTakenPorts(ownPorts(ports, external, false)),
      Promise.all(external.map(problemOf)),
      findParts(
        partNames.filter(name => !isExternal(name)),
        options,
      ),
      ports.replicas && findHaproxy(options),
      wantsPrometheus ? findOptional(options) : undefined,
    ],
  )
  const ownPrometheus = await portForPrometheus(ports, prometheus, options)
  const absent = proxy?.how === 'missing' ? [...missing, proxy] : missing
  const problems = [
    ...absent.map(({ needed, reasons, fix }) => `${needed} is missing: ${fix}${listed(reasons)}`),
    ...externalProblems.filter(problem => problem !== undefined),
    ...portProblems,
  ]
  const haproxy = proxy?.how === 'native' ? proxy.run : undefined
  if (problems.length === 0) return { found, haproxy, prometheus: ownPrometheus }
  throw new Error(`Nothing was started.\n${problems.map(problem => `- ${problem}`).join('\n')}`)
}

async function findOptional(options: PartOptions): Promise<PrometheusPrograms | undefined> {
  const prometheus = await findPrometheus(options)
  if (prometheus.how === 'native') return prometheus.run
  const { needed, fix } = prometheus
  options.report(`${needed} is missing, and everything else starts: ${fix}`)
  return undefined
}

/** Nothing depends on Prometheus, so a port that is taken only means that there are no alerts. */
async function portForPrometheus(
  { plan }: SystemPorts,
  programs: PrometheusPrograms | undefined,
  { report }: PartOptions,
): Promise<PrometheusPrograms | undefined> {
  if (programs === undefined || !(await isTaken(plan.prometheus))) return programs
  report(`port ${plan.prometheus} is taken, so there is no Prometheus, and everything else starts`)
  return undefined
}

async function findTakenPorts(ports: readonly { name: string; port: number }[]): Promise<string[]> {
  const problems: string[] = []
  for (const { name, port } of ports) {
    if (!(await isTaken(port))) continue
    const holder = (await findPortHolder(port)) ?? 'another process'
    problems.push(`port ${port} (${name}) is taken by ${holder}`)
  }
  if (problems.length > 0) {
    problems.push(
      'for other ports, set NIGHTSHIFT_PORT_BASE, as in: NIGHTSHIFT_PORT_BASE=5000 npm start',
    )
  }
  return problems
}

function listed(lines: readonly string[]): string {
  return lines.map(line => `\n    ${line}`).join('')
}
