import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { open as openFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  expectSoon,
  type KafkaLab,
  openKafkaLab,
  paymentCaptured,
  topic,
} from '@nightshift/load-tests/harness/kafka-lab'
import { javaCandidates } from '@nightshift/local/parts/java'
import { kafkaJarsDir } from '@nightshift/local/parts/kafka'
import { tryEach } from '@nightshift/local/parts/try-each'
import { statePaths } from '@nightshift/local/system/state'
import { Producer } from '@platformatic/kafka'
import type { IHeaders } from 'kafkajs'
import { describe, expect, inject, test } from 'vitest'

const run = promisify(execFile)
const javaMs = 45_000

type Compression = 'gzip' | 'snappy' | 'lz4' | 'zstd'
const compressions = ['gzip', 'snappy', 'lz4', 'zstd'] as const

function openLab(): Promise<KafkaLab> {
  return openKafkaLab(inject('parts').kafkaBrokers)
}

/** Events of one aggregate, many enough that compression has something to do. */
function history(length: number) {
  const id = randomUUID()
  return Array.from({ length }, (_, i) => paymentCaptured(id, i + 1))
}

function consumeInto(lab: KafkaLab, handled: string[]) {
  return lab.consume(async event => {
    handled.push(event.eventId)
    return 'applied'
  })
}

/** Another codebase than KafkaJS. It writes snappy as one raw block. */
async function produce(
  lab: KafkaLab,
  compression: Compression,
  partition: number,
  values: (string | null)[],
) {
  const producer = new Producer({ clientId: 'foreign', bootstrapBrokers: lab.brokers.split(',') })
  try {
    const messages = values.map(value => ({
      topic: lab.prefix + topic,
      partition,
      key: Buffer.from('k'),
      ...(value !== null && { value: Buffer.from(value) }),
    }))
    await producer.send({ messages, compression, acks: -1 })
  } finally {
    await producer.close()
  }
}

/** Kafka's own producer. It writes snappy in the chunks of xerial, and lz4 in blocks of 64 KiB. */
async function produceByJava(lab: KafkaLab, compression: Compression, values: string[]) {
  const tools = statePaths().tools
  const java = await tryEach(Object.values(javaCandidates({ toolsDir: tools })))
  if (!java.ok) throw new Error(java.reasons.join('; '))
  const producing = run(
    java.value.program,
    [
      '-Xmx96m',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      join(kafkaJarsDir(tools), '*'),
      'org.apache.kafka.tools.ConsoleProducer',
      '--bootstrap-server',
      lab.brokers,
      '--topic',
      lab.prefix + topic,
      '--compression-codec',
      compression,
      '--timeout',
      '200',
    ],
    { timeout: javaMs },
  )
  producing.child.stdin?.on('error', () => undefined) // it has ended, and its exit code says why
  producing.child.stdin?.end(`${values.join('\n')}\n`)
  await producing
}

/**
 * One such record stood for every partition of the topic: KafkaJS has no codec but gzip and ended
 * the consumer, which was replaced about once a second (tulios/kafkajs#1475).
 */
describe('records of another producer', () => {
  test('are applied whatever their compression, and so is the next record', async () => {
    await using lab = await openLab()
    const written = new Map<number, string[]>()
    for (const [partition, compression] of compressions.entries()) {
      const [first, ...others] = history(50)
      const [last] = history(1)
      if (!first || !last) throw new Error('two were asked for')
      await lab.writeEvents(partition, first)
      const values = others.map(event => JSON.stringify(event))
      await produce(lab, compression, partition, values)
      await lab.writeEvents(partition, last)
      written.set(
        partition,
        [first, ...others, last].map(event => event.eventId),
      )
    }
    const handled: string[] = []
    consumeInto(lab, handled)
    const all = [...written.values()].flat()
    const areThere = () => all.every(eventId => handled.includes(eventId))
    await expectSoon('all are applied', areThere, () => [handled.length, lab.lines.at(-1)])
    for (const ids of written.values()) {
      expect(handled.filter(eventId => ids.includes(eventId))).toEqual(ids)
    }
    expect(lab.letters).toEqual([])
  })

  test('become a dead letter each, if they are no events', async () => {
    await using lab = await openLab()
    const [last] = history(1)
    if (!last) throw new Error('one was asked for')
    await produce(lab, 'zstd', 0, ['not JSON', null, ''])
    await lab.writeEvents(0, last)
    const handled: string[] = []
    consumeInto(lab, handled)
    const isThere = () => handled.length > 0
    await expectSoon('the next is applied', isThere, () => lab.lines.at(-1))
    expect(lab.letters.map(letter => letter.offset)).toEqual(['0', '1', '2'])
  })
})

describe('records that no producer of ours would write', () => {
  const event = () => JSON.stringify(paymentCaptured(randomUUID()))
  const manyHeaders = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`h${i}`, '']))
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  type Odd = { value: string | Buffer | null; key?: string | null; headers?: IHeaders }
  const odd = (value: Odd['value'], rest: Omit<Odd, 'value'> = {}): Odd => ({ value, ...rest })

  const records: Record<string, ['applied' | 'put aside', Odd]> = {
    'without a key': ['applied', odd(event(), { key: null })],
    'with an empty key': ['applied', odd(event(), { key: '' })],
    'behind a byte order mark': ['applied', odd(`\ufeff${event()}`)],
    'in spaces': ['applied', odd(` ${event()}\n`)],
    'of a leap second': ['applied', odd(event().replace(/T[0-9:.]+Z/, 'T23:59:60Z'))],
    'of the far future': ['applied', odd(event().replace(/:"20\d\d-/, ':"9999-'))],
    'with many headers': ['applied', odd(event(), { headers: manyHeaders })],
    'of no event with many headers': ['put aside', odd('x', { headers: manyHeaders })],
    'with a name twice': ['put aside', odd(event().replace('{', '{"version":1,'))],
    'with a number no double holds': ['put aside', odd(event().replace('9900', '1e400'))],
    'with half a character': ['put aside', odd(event().replace('EUR', '\\ud800'))],
    'nested deeply': ['put aside', odd(deep)],
    'nested deeply in a field': ['put aside', odd(event().replace('9900', deep))],
    'of an unknown type': ['put aside', odd(event().replace('.captured', '.gone'))],
    'of an unknown version': ['put aside', odd(event().replace('"version":1', '"version":9'))],
    'that is a list of events': ['put aside', odd(`[${event()}]`)],
    'that is two events': ['put aside', odd(`${event()}${event()}`)],
    'in UTF-16': ['put aside', odd(Buffer.from(event(), 'utf16le'))],
    'of a megabyte of spaces': ['put aside', odd(' '.repeat(1_000_000))],
    'that is a tombstone': ['put aside', odd(null)],
  }

  test('are applied or put aside, each by its content, and the next record is applied', async () => {
    await using lab = await openLab()
    for (const [, record] of Object.values(records)) await lab.write(0, record)
    const [last] = history(1)
    if (!last) throw new Error('one was asked for')
    await lab.writeEvents(0, last)
    const handled: string[] = []
    consumeInto(lab, handled)
    const isThere = () => handled.includes(last.eventId)
    await expectSoon('the last is applied', isThere, () => lab.lines.at(-1))
    // Each was written alone, so that its place in the table is its offset.
    const putAside = new Set(lab.letters.map(letter => Number(letter.offset)))
    const outcomes = Object.keys(records).map((name, offset) => [
      name,
      putAside.has(offset) ? 'put aside' : 'applied',
    ])
    const expected = Object.entries(records).map(([name, [outcome]]) => [name, outcome])
    expect(Object.fromEntries(outcomes)).toEqual(Object.fromEntries(expected))
    const applied = expected.filter(([, outcome]) => outcome === 'applied')
    expect(handled).toHaveLength(applied.length + 1)
    expect(lab.lines.map(line => line.event)).not.toContain('event.retried')
  })
})

/** One at a time: each is a virtual machine of its own. */
describe('records of the producer of Kafka itself', () => {
  test.each(compressions)(
    'compressed with %s are applied',
    async codec => {
      await using lab = await openLab()
      // More than one chunk of snappy and one block of lz4.
      const events = history(600)
      await produceByJava(
        lab,
        codec,
        events.map(event => JSON.stringify(event)),
      )
      const handled: string[] = []
      consumeInto(lab, handled)
      const areThere = () => events.every(event => handled.includes(event.eventId))
      await expectSoon('all are applied', areThere, () => [handled.length, lab.lines.at(-1)])
      expect(handled.toSorted()).toEqual(events.map(event => event.eventId).toSorted())
      expect(lab.letters).toEqual([])
    },
    60_000,
  )
})

describe('a batch that can not be read', () => {
  test('because its bytes have changed on the disk becomes one dead letter with its position', async () => {
    await using lab = await openLab()
    const [before, ...damaged] = history(4)
    const [after] = history(1)
    if (!before || !after) throw new Error('two were asked for')
    await lab.writeEvents(0, before)
    await produce(
      lab,
      'zstd',
      0,
      damaged.map(event => JSON.stringify(event)),
    )
    await lab.writeEvents(0, after)
    await lab.writeEvents(1, after)
    await damageSecondBatch(lab)
    const handled: string[] = []
    consumeInto(lab, handled)
    await expectSoon(
      'the next are applied',
      () => handled.length >= 3,
      () => [handled, lab.lines.at(-1)],
    )
    expect(handled.toSorted()).toEqual([before.eventId, after.eventId, after.eventId].toSorted())
    expect(lab.letters).toEqual([
      expect.objectContaining({
        reason: "it can't be read: its checksum is wrong",
        topic: lab.prefix + topic,
        partition: 0,
        offset: '3',
        firstOffset: '1',
        lastOffset: '3',
        value: null,
        batch: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
      }),
    ])
  })
})

/** A broker checks what a producer sends, so that only its disk can bring such a batch about. */
async function damageSecondBatch(lab: KafkaLab): Promise<void> {
  const { data } = statePaths(inject('parts').stateDir)
  const directory = join(data, 'kafka/log', `${lab.prefix}${topic}-0`)
  await using segment = await openFile(join(directory, '00000000000000000000.log'), 'r+')
  const { buffer } = await segment.read(Buffer.alloc(4), 0, 4, 8)
  const second = 12 + buffer.readInt32BE(0)
  await segment.write(Buffer.from('damage'), 0, 6, second + 70)
}
