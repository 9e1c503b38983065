import { isTaken } from '../ports/free-ports.ts'
import { findPortHolder } from '../ports/port-holder.ts'
import type { PortName, PortPlan } from '../ports/ports.ts'
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

/** The ports of a plan that this system will listen on itself. */
export function ownPorts(
  plan: PortPlan,
  external: readonly ExternalPart[],
): { name: string; port: number }[] {
  const foreign = new Set<string>(external.flatMap(({ name }) => portsOfParts[name]))
  const entries = Object.entries(plan).map(([name, port]) => ({ name, port }))
  return entries.filter(({ name }) => !foreign.has(name))
}

/**
 * Checks everything that a start needs before anything is started. Throws one error that names all
 * problems, each with its fix, so that a person does not find them one start at a time.
 */
export async function preflight(
  options: PartOptions,
  plan: PortPlan,
  external: readonly ExternalPart[],
): Promise<FoundPart[]> {
  const isExternal = (name: string) => external.some(part => part.name === name)
  const [portProblems, externalProblems, { found, missing }] = await Promise.all([
    findTakenPorts(ownPorts(plan, external)),
    Promise.all(external.map(problemOf)),
    findParts(
      partNames.filter(name => !isExternal(name)),
      options,
    ),
  ])
  const problems = [
    ...missing.map(({ needed, reasons, fix }) => `${needed} is missing: ${fix}${listed(reasons)}`),
    ...externalProblems.filter(problem => problem !== undefined),
    ...portProblems,
  ]
  if (problems.length === 0) return found
  throw new Error(`Nothing was started.\n${problems.map(problem => `- ${problem}`).join('\n')}`)
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
