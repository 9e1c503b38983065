import { gzipSync, zstdCompressSync } from 'node:zlib'
import { crc32c, lz4Compress, snappyCompress } from '@platformatic/wasm-utils'
import { describe, expect, test } from 'vitest'
import { readRecordBatches } from './record-batches.ts'

type Batch = {
  firstOffset?: bigint
  lastOffsetDelta?: number
  attributes?: number
  magic?: number
  count?: number
  records?: Buffer
}

/** A batch as a broker stores it: https://kafka.apache.org/43/implementation/message-format/ */
function batchOf(batch: Batch): Buffer {
  const records = batch.records ?? recordOf(0, 'value')
  const bytes = Buffer.alloc(61 + records.length)
  bytes.writeBigInt64BE(batch.firstOffset ?? 0n, 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt8(batch.magic ?? 2, 16)
  bytes.writeInt16BE(batch.attributes ?? 0, 21)
  bytes.writeInt32BE(batch.lastOffsetDelta ?? (batch.count ?? 1) - 1, 23)
  bytes.writeBigInt64BE(1_700_000_000_000n, 27)
  bytes.writeBigInt64BE(1_700_000_000_999n, 35)
  bytes.writeBigInt64BE(-1n, 43)
  bytes.writeInt32BE(batch.count ?? 1, 57)
  records.copy(bytes, 61)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

function recordOf(offsetDelta: number, value: string | null, headers: [string, string][] = []) {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(7),
    varint(offsetDelta),
    sized('key'),
    value === null ? varint(-1) : sized(value),
    varint(headers.length),
    ...headers.flatMap(([name, text]) => [sized(name), sized(text)]),
  ])
  return Buffer.concat([varint(body.length), body])
}

function sized(text: string): Buffer {
  return Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return Buffer.from([...bytes, rest])
}

/** More than the reader decompresses. */
const bomb = Buffer.alloc(33 * 1024 * 1024)

const codecs = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 }

function xerial(bytes: Buffer): Buffer {
  const header = Buffer.concat([Buffer.from('\x82SNAPPY\0', 'latin1'), Buffer.alloc(8, 1)])
  const chunks = [bytes.subarray(0, 10), bytes.subarray(10)].flatMap(part => {
    const chunk = snappyCompress(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(chunk.length)
    return [length, chunk]
  })
  return Buffer.concat([header, ...chunks])
}

/** Offsets and what can be told of the records, in few words. */
async function outcomesOf(...batches: Buffer[]) {
  const records = await readRecordBatches(Buffer.concat(batches))
  return records.map(({ offset, value, isControlRecord, unreadable }) => {
    if (unreadable) return `${offset}: ${unreadable.reason}`
    return isControlRecord ? `${offset} is no record` : `${offset} ${String(value)}`
  })
}

describe('the records of a batch', () => {
  const records = Buffer.concat([recordOf(0, 'a'), recordOf(1, null), recordOf(2, 'ü'.repeat(99))])
  test.each([
    ['none', 0, records],
    ['gzip', codecs.gzip, gzipSync(records)],
    ['raw snappy', codecs.snappy, snappyCompress(records)],
    ['snappy in chunks', codecs.snappy, xerial(records)],
    ['lz4', codecs.lz4, lz4Compress(records)],
    [
      'lz4 and a second frame',
      codecs.lz4,
      Buffer.concat([lz4Compress(records), lz4Compress(bomb)]),
    ],
    ['zstd', codecs.zstd, zstdCompressSync(records)],
  ])('are read with codec %s', async (_name, attributes, bytes) => {
    const batch = batchOf({ firstOffset: 5n, count: 3, attributes, records: bytes })
    expect(await outcomesOf(batch, batchOf({ firstOffset: 8n }))).toEqual([
      '5 a',
      '6 null',
      `7 ${'ü'.repeat(99)}`,
      '8 value',
    ])
  })

  test('keep their time, key and headers, of which a name may come twice', async () => {
    const headers: [string, string][] = [
      ['a', '1'],
      ['__proto__', 'x'],
      ['a', '2'],
      ['', ''],
    ]
    const [record] = await readRecordBatches(batchOf({ records: recordOf(0, 'v', headers) }))
    expect(record).toMatchObject({ timestamp: '1700000000007', key: Buffer.from('key') })
    expect(Object.entries(record?.headers ?? {})).toEqual([
      ['a', [Buffer.from('1'), Buffer.from('2')]],
      ['__proto__', Buffer.from('x')],
      ['', Buffer.alloc(0)],
    ])
  })

  // KafkaJS copies all headers for each one: 200,000 of them held the process for minutes.
  test('may have as many headers as a megabyte holds', async () => {
    const headers = Array.from({ length: 200_000 }, (_, i): [string, string] => [String(i), ''])
    const startedMs = performance.now()
    const [record] = await readRecordBatches(batchOf({ records: recordOf(0, 'v', headers) }))
    expect(Object.keys(record?.headers ?? {})).toHaveLength(200_000)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  test('of a control batch are no records, and move the offset', async () => {
    const control = batchOf({ firstOffset: 1n, attributes: 0x30 })
    expect(await outcomesOf(batchOf({}), control)).toEqual(['0 value', '1 is no record'])
  })

  test('that compaction removed move the offset too', async () => {
    const empty = batchOf({ firstOffset: 1n, count: 0, lastOffsetDelta: 9, records: Buffer.of() })
    const shortened = batchOf({ firstOffset: 11n, lastOffsetDelta: 4 })
    expect(await outcomesOf(empty, shortened)).toEqual([
      '10 is no record',
      '11 value',
      '15 is no record',
    ])
  })

  test.each([1, 30, 60, 70])('cut off after %i bytes wait for the next fetch', async length => {
    const cut = batchOf({ firstOffset: 1n }).subarray(0, length)
    expect(await outcomesOf(batchOf({}), cut)).toEqual(['0 value'])
  })
})

/**
 * Each of these ended the consumer below the handler, about once a second, for ever
 * (tulios/kafkajs#1475).
 */
describe('a batch that can not be read is one record with its offsets, and the next is read', () => {
  const damaged = batchOf({ firstOffset: 5n, count: 3 })
  damaged.writeUInt8(damaged.readUInt8(70) ^ 1, 70)
  const garbage = Buffer.alloc(200, 7)
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)
  const whole = recordOf(0, 'x'.repeat(5_000))
  const compressed = (attributes: number, records: Buffer) =>
    batchOf({ firstOffset: 5n, count: 3, attributes, records })
  const tooLarge = /more than|larger than|maxOutputLength|Cannot create a Buffer/

  test.each<[string, Buffer, RegExp]>([
    ['a wrong checksum', damaged, /checksum/],
    ['codec 5', compressed(5, garbage), /no codec has the number 5/],
    ['codec 7', compressed(7, garbage), /no codec has the number 7/],
    ['bad gzip', compressed(codecs.gzip, garbage), /./],
    ['bad snappy', compressed(codecs.snappy, garbage), /./],
    ['bad chunks of snappy', compressed(codecs.snappy, half(xerial(whole))), /./],
    ['bad lz4', compressed(codecs.lz4, garbage), /./],
    ['bad zstd', compressed(codecs.zstd, garbage), /./],
    ['nothing for gzip', compressed(codecs.gzip, Buffer.of()), /./],
    ['nothing for snappy', compressed(codecs.snappy, Buffer.of()), /./],
    ['nothing for lz4', compressed(codecs.lz4, Buffer.of()), /./],
    ['nothing for zstd', compressed(codecs.zstd, Buffer.of()), /./],
    ['half of gzip', compressed(codecs.gzip, half(gzipSync(whole))), /./],
    ['half of snappy', compressed(codecs.snappy, half(snappyCompress(whole))), /./],
    ['half of lz4', compressed(codecs.lz4, half(lz4Compress(whole))), /./],
    ['half of zstd', compressed(codecs.zstd, half(zstdCompressSync(whole))), /./],
    ['a bomb of gzip', compressed(codecs.gzip, gzipSync(bomb)), tooLarge],
    ['a bomb of snappy', compressed(codecs.snappy, snappyCompress(bomb)), tooLarge],
    ['a bomb of lz4', compressed(codecs.lz4, lz4Compress(bomb)), tooLarge],
    ['a bomb of zstd', compressed(codecs.zstd, zstdCompressSync(bomb)), tooLarge],
    ['fewer records than it says', batchOf({ firstOffset: 5n, count: 3 }), /./],
    ['a record of another length', compressed(0, Buffer.alloc(50, 3)), /./],
  ])('%s', async (_what, batch, reason) => {
    const records = await readRecordBatches(
      Buffer.concat([batchOf({}), batch, batchOf({ firstOffset: 8n })]),
    )
    expect(records.map(record => record.offset)).toEqual(['0', '7', '8'])
    expect(records[1]?.unreadable).toEqual({
      reason: expect.stringMatching(reason),
      firstOffset: '5',
      lastOffset: '7',
      bytes: batch,
    })
  })

  test('more records than fit in memory', async () => {
    const count = 1_000_000
    const batch = batchOf({ count, attributes: codecs.zstd, records: zstdCompressSync(bomb) })
    expect(await outcomesOf(batch)).toEqual(['999999: it has more than 100000 records'])
  })

  test.each([0, 1, 3, -1])('format %i', async magic => {
    const batch = batchOf({ firstOffset: 5n, magic })
    const [outcome, next] = await outcomesOf(batch, batchOf({ firstOffset: 6n }))
    expect(outcome).toMatch(/^5: its format has the number/)
    expect(next).toBe('6 value')
  })

  test('a header of nonsense does not move the offset beyond the partition', async () => {
    const batch = batchOf({ firstOffset: 5n })
    batch.writeInt32BE(2 ** 31 - 1, 23)
    expect(await outcomesOf(batch)).toEqual(['5: its checksum is wrong'])
  })

  test.each([-100, 0, 20])('a length of %i, behind which no batch can be found', async length => {
    const batch = batchOf({ firstOffset: 5n })
    batch.writeInt32BE(length, 8)
    const outcomes = await outcomesOf(batch, batchOf({ firstOffset: 6n }))
    expect(outcomes).toEqual([expect.stringMatching(/^5: /)])
  })
})

test('many batches that grow are left for the next fetch, but never the first', async () => {
  const large = zstdCompressSync(recordOf(0, 'x'.repeat(20_000_000)))
  const batches = [0n, 1n, 2n, 3n].map(firstOffset =>
    batchOf({ firstOffset, attributes: codecs.zstd, records: large }),
  )
  const records = await readRecordBatches(Buffer.concat(batches))
  expect(records.map(record => record.offset)).toEqual(['0', '1'])
})
