import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, test } from 'vitest'
import { javaCandidates, javaVersionMin } from '../src/parts/java.ts'
import { findKafka, kafka, kafkaPom, kafkaVersion } from '../src/parts/kafka.ts'
import type { PartContext } from '../src/parts/part.ts'
import { tryEach } from '../src/parts/try-each.ts'
import { contextIn, freePort, openScratch, runPart, runSpec, toolsDir } from './parts-process.ts'

const readyMs = 20_000
/**
 * A killed broker with Kafka's defaults waits 9 s for its own lease to run out, besides the time that a
 * start takes. Our settings bring that down to about a second. How long a start takes is measured, because
 * other tests run beside it.
 */
const defaultLeaseMs = 9_000
/** Only the first run fetches. */
const fetchMs = 300_000
const topic = 'kept'

test('records survive a stop and a new port, and a killed broker does not wait for its own lease', {
  timeout: fetchMs,
}, async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'kafka')
  await using first = await runPart(kafka, context)
  await first.ready(readyMs)
  await produce(context.port, 'before the stop')
  await first.stop()

  const moved = { ...context, port: await freePort(), controllerPort: await freePort() }
  const secondSince = performance.now()
  await using second = await runPart(kafka, await withJavaOnly(moved))
  await second.ready(readyMs)
  await produce(moved.port, 'before the kill')
  const startMs = performance.now() - secondSince
  await second.stop('SIGKILL')

  await using third = runSpec(second.spec)
  const since = performance.now()
  await third.ready(readyMs)
  await produce(moved.port, 'after the kill')
  expect(performance.now() - since).toBeLessThan(startMs + defaultLeaseMs)
  expect(await countRecords(moved.port)).toBe(3)
})

test('a log that was only half formatted is formatted again', { timeout: fetchMs }, async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'kafka')
  await mkdir(join(context.dataDir, 'log/__cluster_metadata-0'), { recursive: true })
  await mkdir(join(context.dataDir, 'log.draft-abandoned'), { recursive: true })
  await using first = await runPart(kafka, context)
  await first.ready(readyMs)
  await first.stop('SIGKILL')

  await rm(join(context.dataDir, 'log/meta.properties'))
  await using second = await runPart(kafka, context)
  await second.ready(readyMs)
})

test('the Java of the wheel from PyPI is new enough', { timeout: fetchMs }, async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'kafka')
  const java = await javaCandidates({ ...context, toolsDir }).wheel.attempt()
  expect(Number.parseInt(java.version, 10)).toBeGreaterThanOrEqual(javaVersionMin)
})

test('without Java the reasons are named, and so is the fix', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'kafka')
  const { home, path } = javaCandidates({ toolsDir, environment: { PATH: scratch.dir } })
  const found = await findKafka({ ...context, environment: { PATH: scratch.dir } }, [home, path])
  if (found.how !== 'missing') throw new Error('found a Java in an empty directory')
  expect(found.reasons.join('\n')).toMatch(/JAVA_HOME: not set; java on PATH: not there/)
  expect(found.fix).toContain('apt-get install maven')
})

test('the version in the code is the one that Maven fetches', async () => {
  const [, version] = /<kafka.version>(.*)</.exec(await readFile(kafkaPom, 'utf8')) ?? []
  expect(version).toBe(kafkaVersion)
})

test('a log whose identity was lost is kept, and its file is named', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'kafka')
  const meta = join(context.dataDir, 'log/meta.properties')
  await mkdir(join(meta, '..'), { recursive: true })
  await writeFile(meta, '')
  await expect(runPart(kafka, context)).rejects.toThrow(`${meta} is damaged: run`)
})

test('a path that Kafka would take for two is refused by its name', async () => {
  await using scratch = await openScratch()
  const run = { java: 'java', jars: join(scratch.dir, 'jars') }
  const found = { how: 'native', version: kafkaVersion, from: 'a test', run } as const
  for (const place of ['night,shift', 'night:shift']) {
    const context = await contextIn(join(scratch.dir, place), 'kafka')
    await expect(kafka.start(context, found)).rejects.toThrow(`can't use ${context.dataDir}`)
  }
})

/** A second start must not need Maven and thus no network: this environment has neither. */
async function withJavaOnly(context: PartContext): Promise<PartContext> {
  const java = await tryEach(Object.values(javaCandidates(context)))
  if (!java.ok) throw new Error(java.reasons.join('\n'))
  return { ...context, environment: { JAVA_HOME: java.value.home, PATH: '' } }
}

async function produce(port: number, value: string): Promise<void> {
  const admin = client(port).admin()
  const producer = client(port).producer({ allowAutoTopicCreation: false })
  try {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic }] })
    await producer.connect()
    await producer.send({ topic, acks: -1, messages: [{ value }] })
  } finally {
    await producer.disconnect()
    await admin.disconnect()
  }
}

async function countRecords(port: number): Promise<number> {
  const admin = client(port).admin()
  try {
    await admin.connect()
    const [partition] = await admin.fetchTopicOffsets(topic)
    return Number(partition?.offset)
  } finally {
    await admin.disconnect()
  }
}

function client(port: number): Kafka {
  return new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING })
}
