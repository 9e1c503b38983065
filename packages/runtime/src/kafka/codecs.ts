import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { lz4Decompress, snappyDecompress } from '@platformatic/wasm-utils'

const gunzipAsync = promisify(gunzip)
const zstdDecompressAsync = promisify(zstdDecompress)

/**
 * Decompresses the records of a batch by the number of the codec in its attributes. KafkaJS itself
 * knows gzip only, without a limit, and a batch in any other codec ends its consumer
 * (tulios/kafkajs#1475). A megabyte can be a gigabyte in disguise, so `bytesMax` holds for all.
 * @throws when the bytes are corrupt, the codec is unknown, or the result would be too large
 */
export async function decompress(codec: number, bytes: Buffer, bytesMax: number): Promise<Buffer> {
  switch (codec) {
    case 0:
      return bytes
    case 1:
      return gunzipAsync(bytes, { maxOutputLength: bytesMax })
    case 2:
      return decompressSnappy(bytes, bytesMax)
    case 3:
      return decompressLz4(bytes, bytesMax)
    case 4:
      return zstdDecompressAsync(bytes, { maxOutputLength: bytesMax })
    default:
      throw new Error(`no codec has the number ${codec}`)
  }
}

const xerialMagic = Buffer.from('\x82SNAPPY\0', 'latin1')
/** The magic, and two versions of four bytes. */
const xerialHeaderBytes = 16

/** Java clients write snappy in the chunks of the xerial library, librdkafka writes one raw block. */
function decompressSnappy(bytes: Buffer, bytesMax: number): Buffer {
  const chunks = bytes.subarray(0, 8).equals(xerialMagic) ? xerialChunksOf(bytes) : [bytes]
  requireAtMost(
    bytesMax,
    chunks.reduce((sum, chunk) => sum + snappyLengthOf(chunk), 0),
  )
  const parts = chunks.map(chunk => snappyDecompress(chunk))
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
}

function xerialChunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = xerialHeaderBytes; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new Error('a chunk of snappy is cut off')
    chunks.push(bytes.subarray(at + 4, end))
    at = end
  }
  return chunks
}

/** A raw block begins with its length in full, seven bits a byte, the lowest first. */
function snappyLengthOf(block: Buffer): number {
  let length = 0
  for (let i = 0; i < 5; i += 1) {
    const byte = block.readUInt8(i)
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return length
  }
  throw new Error('a block of snappy has no length')
}

const lz4Magic = 0x184d2204
/** An unset bit of a block's length says that the block is compressed. */
const lz4LengthMask = 0x7fff_ffff
const lz4ExpansionMax = 255

/**
 * One frame of LZ4, whose decoder has no limit of its own. It can become at most its blocks, each of
 * at most the size that the frame states. Like Kafka's own clients, reads nothing behind the frame.
 * The format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
function decompressLz4(bytes: Buffer, bytesMax: number): Buffer {
  if (bytes.readUInt32LE(0) !== lz4Magic) throw new Error('not a frame of LZ4')
  const has = lz4FlagsOf(bytes.readUInt8(4))
  const blockBytesMax = 2 ** (8 + 2 * ((bytes.readUInt8(5) >> 4) & 7))
  let at = 7 + (has.contentSize ? 8 : 0) + (has.dictionary ? 4 : 0)
  let sum = 0
  for (;;) {
    const length = bytes.readUInt32LE(at) & lz4LengthMask
    at += 4
    if (length === 0) break
    sum += Math.min(blockBytesMax, length * lz4ExpansionMax)
    at += length + (has.blockChecksum ? 4 : 0)
  }
  requireAtMost(bytesMax, sum)
  return lz4Decompress(bytes.subarray(0, at + (has.contentChecksum ? 4 : 0)))
}

function lz4FlagsOf(flags: number) {
  return {
    blockChecksum: (flags & 0x10) !== 0,
    contentSize: (flags & 0x08) !== 0,
    contentChecksum: (flags & 0x04) !== 0,
    dictionary: (flags & 0x01) !== 0,
  }
}

function requireAtMost(bytesMax: number, bytes: number): void {
  if (bytes > bytesMax) throw new Error(`decompressed it would be more than ${bytesMax} bytes`)
}
