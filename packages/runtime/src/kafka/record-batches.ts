import { crc32c } from '@platformatic/wasm-utils'
import type { IHeaders, KafkaMessage } from 'kafkajs'
import { decompress } from './codecs.ts'

/**
 * Why a batch of records could not be read. KafkaJS would throw in its decoder, below our handler, and
 * its consumer would end. This goes to the handler instead of the records.
 */
export type UnreadableBatch = {
  reason: string
  firstOffset: string
  lastOffset: string
  /** The whole batch as the broker stores it. */
  bytes: Buffer
}

/** A record as a consumer gets it. */
export type ReceivedRecord = KafkaMessage & { unreadable?: UnreadableBatch }

/** A record in the form that KafkaJS expects of its decoder. */
export type DecodedRecord = ReceivedRecord & {
  isControlRecord: boolean
  batchContext: { producerId: string; inTransaction: boolean }
}

/** Per partition and answer of the broker. A topic takes 1 MiB per batch, compressed. */
const decompressedBytesMax = 32 * 1024 * 1024
/** A record takes half a kilobyte of memory, even an empty one. */
const recordsPerBatchMax = 100_000

/** Byte positions within a batch: https://kafka.apache.org/43/implementation/message-format/ */
const at = {
  length: 8,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  recordCount: 57,
  records: 61,
} as const
/** The first offset and the length itself are not counted by the length. */
const uncountedBytes = 12
const flags = { codec: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const

/**
 * Reads the answer of a broker for one partition: batches, the last of which may be cut off. A batch
 * that can't be read becomes one record that says so, at the last offset of the batch, so that the
 * partition goes on behind it. Once the decompressed batches are many bytes, the rest is left for
 * the next fetch.
 */
export async function readRecordBatches(answer: Buffer): Promise<DecodedRecord[]> {
  const records: DecodedRecord[] = []
  let start = 0
  let budgetBytes = decompressedBytesMax
  while (budgetBytes > 0 && start + at.records <= answer.length) {
    const end = start + uncountedBytes + answer.readInt32BE(start + at.length)
    if (end > answer.length) break
    // A length that is too small for a header can't be followed to the next batch.
    const isHeaderWhole = end >= start + at.records
    const batch = answer.subarray(start, isHeaderWhole ? end : answer.length)
    try {
      const { bytes, read } = await readBatch(batch)
      budgetBytes -= bytes
      for (const record of read) records.push(record)
    } catch (error) {
      records.push(unreadable(batch, error))
    }
    start += batch.length
  }
  return records
}

async function readBatch(batch: Buffer): Promise<{ bytes: number; read: DecodedRecord[] }> {
  const magic = batch.readInt8(at.magic)
  if (magic !== 2) throw new Error(`its format has the number ${magic}, and 2 is the one we know`)
  if (batch.length < uncountedBytes + batch.readInt32BE(at.length)) throw new Error('bad length')
  if (crc32c(batch.subarray(at.attributes)) !== batch.readUInt32BE(at.crc)) {
    throw new Error('its checksum is wrong')
  }
  const count = batch.readInt32BE(at.recordCount)
  if (count > recordsPerBatchMax) throw new Error(`it has more than ${recordsPerBatchMax} records`)
  const codec = batch.readInt16BE(at.attributes) & flags.codec
  const bytes = await decompress(codec, batch.subarray(at.records), decompressedBytesMax)
  const reader = new RecordReader(bytes)
  const shared = headerOf(batch)
  const read: DecodedRecord[] = []
  for (let i = 0; i < count; i += 1) read.push(readRecord(reader, shared))
  // Compaction may remove the last record of a batch, or all. The offset has to move past them.
  const last = shared.firstOffset + BigInt(batch.readInt32BE(at.lastOffsetDelta))
  if (read.at(-1)?.offset !== String(last)) {
    read.push({ ...emptyRecord(shared, last), isControlRecord: true })
  }
  return { bytes: bytes.length, read }
}

function headerOf(batch: Buffer) {
  const attributes = batch.readInt16BE(at.attributes)
  return {
    firstOffset: batch.readBigInt64BE(0),
    firstTimestamp: batch.readBigInt64BE(at.firstTimestamp),
    appendedAt:
      attributes & flags.logAppendTime ? batch.readBigInt64BE(at.maxTimestamp) : undefined,
    isControlRecord: (attributes & flags.control) !== 0,
    batchContext: {
      producerId: String(batch.readBigInt64BE(at.producerId)),
      inTransaction: (attributes & flags.transactional) !== 0,
    },
  }
}

type BatchHeader = ReturnType<typeof headerOf>

function readRecord(reader: RecordReader, shared: BatchHeader): DecodedRecord {
  const length = reader.varint()
  const end = reader.position + length
  const attributes = reader.byte()
  const timestamp = shared.firstTimestamp + BigInt(reader.varint())
  const offset = shared.firstOffset + BigInt(reader.varint())
  const key = reader.bytes()
  const value = reader.bytes()
  const headers = readHeaders(reader)
  if (reader.position !== end) throw new Error('the length of a record is wrong')
  return {
    offset: String(offset),
    timestamp: String(shared.appendedAt ?? timestamp),
    attributes,
    key,
    value,
    headers,
    isControlRecord: shared.isControlRecord,
    batchContext: shared.batchContext,
  }
}

/** Linear in time: KafkaJS copies all headers for each one, which is minutes for a megabyte. */
function readHeaders(reader: RecordReader): IHeaders {
  const headers = new Map<string, Buffer | Buffer[]>()
  const count = reader.varint()
  for (let i = 0; i < count; i += 1) {
    const name = (reader.bytes() ?? Buffer.alloc(0)).toString('utf8')
    const value = reader.bytes() ?? Buffer.alloc(0)
    const before = headers.get(name)
    if (Array.isArray(before)) before.push(value)
    else headers.set(name, before === undefined ? value : [before, value])
  }
  return Object.fromEntries(headers)
}

function unreadable(batch: Buffer, error: unknown): DecodedRecord {
  const shared = headerOf(batch)
  const lastOffset = lastOffsetOf(batch)
  const reason = error instanceof Error ? error.message : String(error)
  return {
    ...emptyRecord(shared, lastOffset),
    unreadable: {
      reason,
      firstOffset: String(shared.firstOffset),
      lastOffset: String(lastOffset),
      bytes: batch,
    },
  }
}

/** The header of a damaged batch may be nonsense; then only the first offset is known. */
function lastOffsetOf(batch: Buffer): bigint {
  const firstOffset = batch.readBigInt64BE(0)
  if (batch.readInt8(at.magic) !== 2) return firstOffset
  const delta = batch.readInt32BE(at.lastOffsetDelta)
  const isPlausible = delta >= 0 && delta <= lastOffsetDeltaMax
  return isPlausible ? firstOffset + BigInt(delta) : firstOffset
}

const lastOffsetDeltaMax = 10_000_000

function emptyRecord(shared: BatchHeader, offset: bigint): DecodedRecord {
  return {
    offset: String(offset),
    timestamp: String(shared.firstTimestamp),
    attributes: 0,
    key: null,
    value: null,
    headers: {},
    isControlRecord: false,
    batchContext: shared.batchContext,
  }
}

/** Reads the records of a batch one after the other. Throws a RangeError where the bytes end. */
class RecordReader {
  readonly #bytes: Buffer
  position = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  byte(): number {
    const byte = this.#bytes.readInt8(this.position)
    this.position += 1
    return byte
  }

  /** Signed, seven bits a byte, the lowest first, and the sign in the lowest bit. */
  varint(): number {
    let value = 0
    for (let i = 0; i < 10; i += 1) {
      const byte = this.byte() & 0xff
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
    throw new Error('a number in a record has no end')
  }

  /** A length and as many bytes; a negative length stands for null. */
  bytes(): Buffer | null {
    const length = this.varint()
    if (length < 0) return null
    const end = this.position + length
    if (end > this.#bytes.length) throw new RangeError('a record is cut off')
    const bytes = this.#bytes.subarray(this.position, end)
    this.position = end
    return bytes
  }
}
