import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { environmentOf, exists } from '../machine.ts'
import { readIfThere } from '../read-if-there.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { writeWhole } from '../write-whole.ts'
import { type DockerFound, findDocker, startInDocker } from './docker.ts'
import { type Java, javaRungs, javaVersionMin } from './java.ts'
import { fetchKafkaJars, kafkaVersion } from './kafka-jars.ts'
import { kafkaSettings } from './kafka-settings.ts'
import type { Found, Missing, Part, PartContext } from './part.ts'
import { runCommand } from './run-command.ts'
import { climb, type Rung, reach } from './try-each.ts'
import { removeDrafts, unpackOnce } from './unpack-once.ts'

const image = `apache/kafka:${kafkaVersion}`
const formatDeadlineMs = 30_000
/** A clean stop writes out its state in about 2 s. */
const stopGraceMs = 10_000
const startTimeoutMs = 60_000

/**
 * 256 MiB survived 200,000 records of 1 kB; a broker out of memory ends, and is restarted. Only the
 * fast compiler: measured over the first 8 s of load (2 cores, 400 B, batches of 10), the broker
 * then takes 28 instead of 57 us of CPU per record and 40 MiB less, and starts 0.5 s sooner.
 */
const jvm = [
  ...['-Xms256m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError'],
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

/** Which Java is tried can be given, so that each way can be tested on one machine. */
export async function findKafka(
  context: PartContext,
  rungs: readonly Rung<Java>[] = Object.values(javaRungs(context)),
): Promise<Found | Missing> {
  const climbed = await reach(`Kafka ${kafkaVersion}`, async () => {
    const java = await climb(rungs)
    if (!java.reached) throw new Error(`no Java: ${java.looked.join('; ')}`)
    return { java: java.value, jars: await fetchKafkaJars(context, java.value) }
  })
  if (climbed.reached) {
    const { java, jars } = climbed.value
    const from = `Maven, on Java ${java.version} (${java.from})`
    return { how: 'native', version: kafkaVersion, from, run: { java: java.program, jars } }
  }
  const docker = await findDocker(context, image)
  if (docker.how === 'docker') return docker
  return {
    how: 'missing',
    needed: `Kafka ${kafkaVersion}: Java ${javaVersionMin} or newer, and Maven to fetch it`,
    looked: [...climbed.looked, docker.why],
    fix: 'install them (`apt-get install maven`, `brew install maven`), or start Docker, or set KAFKA_BROKERS',
  }
}

async function startNative(
  context: PartContext,
  run: Readonly<Record<string, string>>,
): Promise<ProcessSpec> {
  const java = run['java'] ?? ''
  const classPath = ['-cp', join(run['jars'] ?? '', '*')]
  const logDir = join(context.dataDir, 'log')
  const properties = join(context.dataDir, 'server.properties')
  await mkdir(context.dataDir, { recursive: true })
  await formatLog(context, java, classPath, logDir)
  // Written at every start: the ports may have changed.
  await writeWhole(properties, propertiesFile(context, logDir))
  return {
    ...specOf(context),
    command: java,
    args: [...jvm, ...logging, ...classPath, 'kafka.Kafka', properties],
    cwd: context.dataDir,
    env: {},
  }
}

/** A log directory without meta.properties was never formatted to the end; it is made again. */
async function formatLog(
  context: PartContext,
  java: string,
  classPath: readonly string[],
  logDir: string,
): Promise<void> {
  await removeDrafts(logDir, 0)
  if (!(await exists(join(logDir, 'meta.properties')))) {
    await rm(logDir, { recursive: true, force: true })
  }
  await unpackOnce(logDir, async draft => {
    context.say('Kafka: formatting an empty log')
    const properties = join(context.dataDir, 'format.properties')
    await writeWhole(properties, propertiesFile(context, draft))
    const clusterId = await clusterIdOf(context)
    await runCommand(
      java,
      [
        ...[...jvm, ...logging, ...classPath, 'kafka.tools.StorageTool'],
        ...['format', '-t', clusterId, '-c', properties],
      ],
      { environment: environmentOf(context), deadlineMs: formatDeadlineMs },
    )
    await rm(properties)
  })
}

function propertiesFile(context: PartContext, logDir: string): string {
  const settings = kafkaSettings({
    listenHost: '127.0.0.1',
    port: context.port,
    controllerPort: controllerPortOf(context),
    listeners: context.listeners ?? [],
    logDir,
  })
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${escaped(value)}\n`)
  return lines.join('')
}

/** In a Java properties file a backslash begins an escape. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\')
}

/** Chosen once for a data directory: a broker refuses the log of another cluster. */
async function clusterIdOf(context: PartContext): Promise<string> {
  const file = join(context.dataDir, 'cluster-id')
  const known = await readIfThere(file)
  if (known !== undefined) return known
  // Kafka's tools take an id that begins with a dash for an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  await writeWhole(file, clusterId)
  return clusterId
}

async function startContainer(context: PartContext, found: DockerFound): Promise<ProcessSpec> {
  const volumeAt = '/var/lib/kafka/data'
  await mkdir(context.dataDir, { recursive: true })
  const settings = kafkaSettings({
    listenHost: '0.0.0.0',
    port: context.port,
    controllerPort: controllerPortOf(context),
    listeners: context.listeners ?? [],
    logDir: `${volumeAt}/log`,
  })
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

/** What is the same however the broker runs. */
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
