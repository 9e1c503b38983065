import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { environmentOf, exists, programEnvironment } from '../machine.ts'
import { readIfThere } from '../read-if-there.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { writeWhole } from '../write-whole.ts'
import { type DockerFound, findInDocker, startInDocker } from './docker.ts'
import { requireHashes } from './file-hashes.ts'
import { images } from './images.ts'
import { type Java, javaCandidates, javaLocale, javaVersionMin } from './java.ts'
import { kafkaSettings } from './kafka-settings.ts'
import type { Found, Missing, Part, PartContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { type Candidate, tryEach, tryOne } from './try-each.ts'
import { removeDrafts, unpackOnce } from './unpack-once.ts'

/** Must be the version in infra/local/kafka/pom.xml; a test compares them. */
export const kafkaVersion = '4.3.1'
export const kafkaPom = join(import.meta.dirname, '../../kafka/pom.xml')
/** The SHA-256 of every jar. The repository's own checksum comes from where the jar comes from. */
const kafkaHashes = join(import.meta.dirname, '../../kafka/jars.sha256')

const image = images.kafka
const mavenDeadlineMs = 300_000
const formatDeadlineMs = 30_000
/** A clean stop writes out its state in about 2 s. */
const stopGraceMs = 10_000
const startTimeoutMs = 60_000

/**
 * 256 MiB survived 200,000 records of 1 kB; a broker out of memory ends, and is restarted. Only the
 * fast compiler is on: measured over the first 8 s of load (2 cores, 400 B, batches of 10), the broker
 * then takes 28 instead of 57 us of CPU per record and 40 MiB less, and starts 0.5 s sooner.
 */
const jvm = [
  '-Xms256m',
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:+ExitOnOutOfMemoryError',
  '-XX:TieredStopAtLevel=1',
]

const logging = [
  '-Dorg.slf4j.simpleLogger.logFile=System.out',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
]

/** Apache Kafka, one broker in one process, from Maven's jars or in a container. */
export const kafka: Part = {
  name: 'kafka',
  find: context => findKafka(context),
  start: async (context, found) =>
    found.how === 'docker' ? startContainer(context, found) : startNative(context, found.run),
}

/** The candidates for a Java can be given, so that each can be tested on one machine. */
export async function findKafka(
  context: PartContext,
  candidates: readonly Candidate<Java>[] = Object.values(javaCandidates(context)),
): Promise<Found | Missing> {
  const tried = await tryOne(`Kafka ${kafkaVersion}`, async () => {
    const java = await tryEach(candidates)
    if (!java.ok) throw new Error(`no Java: ${java.reasons.join('; ')}`)
    return { java: java.value, jars: await fetchKafkaJars(context, java.value) }
  })
  if (tried.ok) {
    const { java, jars } = tried.value
    const from = `Maven, on Java ${java.version} (${java.from})`
    return { how: 'native', version: kafkaVersion, from, run: { java: java.program, jars } }
  }
  return findInDocker(context, image, {
    needed: `Kafka ${kafkaVersion}: Java ${javaVersionMin} or newer, and Maven to fetch it`,
    reasons: tried.reasons,
    fix: 'install them (`apt-get install maven`, `brew install maven`), or start Docker, or set KAFKA_BROKERS',
  })
}

export function kafkaJarsDir(toolsDir: string): string {
  return join(toolsDir, `kafka-${kafkaVersion}`)
}

/** Lets Maven copy Kafka and its dependencies into one directory, unless they are there. */
async function fetchKafkaJars(context: PartContext, java: Java): Promise<string> {
  const jars = kafkaJarsDir(context.toolsDir)
  await unpackOnce(jars, async draft => {
    context.report(`Kafka: fetching ${kafkaVersion} with Maven`)
    const goal = ['-q', '-B', '--strict-checksums', '-f', kafkaPom, 'dependency:copy-dependencies']
    const options = ['-DincludeScope=runtime', `-DoutputDirectory=${draft}`]
    await runCommand('mvn', [...goal, ...options], {
      environment: { ...environmentOf(context), ...javaLocale, JAVA_HOME: java.home },
      deadlineMs: mavenDeadlineMs,
    })
    await requireHashes(draft, kafkaHashes)
  })
  return jars
}

async function startNative(
  context: PartContext,
  run: Readonly<Record<string, string>>,
): Promise<ProcessSpec> {
  const java = run['java'] ?? ''
  const javaOptions = [...jvm, ...logging, '-cp', join(run['jars'] ?? '', '*')]
  const logDir = join(context.dataDir, 'log')
  const properties = join(context.dataDir, 'server.properties')
  for (const path of [run['jars'] ?? '', logDir]) refuseSeparators(path)
  await mkdir(context.dataDir, { recursive: true })
  await formatLog(context, java, javaOptions, logDir)
  // Written at every start: the ports may have changed.
  await writeWhole(properties, propertiesFile(context, logDir))
  return {
    ...specOf(context),
    command: java,
    args: [...javaOptions, 'kafka.Kafka', properties],
    cwd: context.dataDir,
    env: javaLocale,
  }
}

/** A class path is split at each delimiter, and the setting for the log at each comma. */
function refuseSeparators(path: string): void {
  if (!path.includes(',') && !path.includes(delimiter)) return
  throw new Error(
    `Kafka can't use ${path}: move the clone to a path without "," and "${delimiter}"`,
  )
}

/** A log directory without meta.properties was not formatted to the end; it is made again. */
async function formatLog(
  context: PartContext,
  java: string,
  javaOptions: readonly string[],
  logDir: string,
): Promise<void> {
  await removeDrafts(logDir, 0)
  if (!(await exists(join(logDir, 'meta.properties')))) {
    await rm(logDir, { recursive: true, force: true })
  }
  await refuseDamaged(join(logDir, 'meta.properties'))
  await unpackOnce(logDir, async draft => {
    context.report('Kafka: formatting an empty log')
    const properties = join(context.dataDir, 'format.properties')
    await writeWhole(properties, propertiesFile(context, draft))
    const format = ['format', '-t', await clusterIdOf(context), '-c', properties]
    await runCommand(java, [...javaOptions, 'kafka.tools.StorageTool', ...format], {
      environment: { ...programEnvironment(environmentOf(context)), ...javaLocale },
      deadlineMs: formatDeadlineMs,
    })
    await rm(properties)
  })
}

/** Kafka would end with a stack, and its records are not ours to throw away. */
async function refuseDamaged(meta: string): Promise<void> {
  const text = await readIfThere(meta)
  if (text === undefined || /^cluster\.id=./m.test(text)) return
  throw new Error(`${meta} is damaged: run \`npm run reset\` to begin with an empty log`)
}

function propertiesFile(context: PartContext, logDir: string): string {
  const settings = settingsOf(context, { listenHost: '127.0.0.1', logDir })
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${escaped(value)}\n`)
  return lines.join('')
}

function settingsOf(context: PartContext, place: { listenHost: string; logDir: string }) {
  return kafkaSettings({
    ...place,
    port: context.port,
    controllerPort: controllerPortOf(context),
    listeners: context.listeners ?? [],
  })
}

/** A Java properties file is read as Latin-1, and a backslash begins an escape. */
function escaped(value: string): string {
  return value.replace(/[^\x20-\x5B\x5D-\x7E]/g, unit =>
    unit === '\\' ? '\\\\' : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Chosen once for a data directory: a broker refuses the log of another cluster. */
async function clusterIdOf(context: PartContext): Promise<string> {
  const file = join(context.dataDir, 'cluster-id')
  const known = await readIfThere(file)
  if (known !== undefined && /^[\w-]{22}$/.test(known)) return known
  // Kafka's tools take an id that begins with a dash for an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  await writeWhole(file, clusterId)
  return clusterId
}

async function startContainer(context: PartContext, found: DockerFound): Promise<ProcessSpec> {
  const volumeAt = '/var/lib/kafka/data'
  await mkdir(context.dataDir, { recursive: true })
  const settings = settingsOf(context, { listenHost: '0.0.0.0', logDir: `${volumeAt}/log` })
  // The image reads each setting from a variable: broker.id from KAFKA_BROKER_ID.
  const variables = Object.entries(settings).map(([name, value]) => [
    `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`,
    value,
  ])
  return startInDocker(context, found.image, {
    ...specOf(context),
    containerPort: context.port,
    morePorts: listenerPorts(context),
    volumeAt,
    env: {
      ...Object.fromEntries(variables),
      CLUSTER_ID: await clusterIdOf(context),
      KAFKA_HEAP_OPTS: jvm.join(' '),
    },
    args: [],
  })
}

/** The fields that are the same for a process and a container. */
function specOf(context: PartContext) {
  return {
    name: 'kafka',
    kind: 'part',
    ports: [context.port, controllerPortOf(context), ...listenerPorts(context)],
    ready: { kind: 'kafka', broker: `127.0.0.1:${context.port}` },
    stopSignal: 'SIGTERM',
    stopGraceMs,
    startTimeoutMs,
  } as const
}

function listenerPorts({ listeners = [] }: PartContext): number[] {
  return listeners.map(({ port }) => port)
}

function controllerPortOf(context: PartContext): number {
  if (context.controllerPort !== undefined) return context.controllerPort
  throw new Error('Kafka needs a port for its controller')
}
