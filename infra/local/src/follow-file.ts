import { open, stat } from 'node:fs/promises'
import { ifThere } from './read-if-there.ts'
import { filesOfLog } from './supervisor/log-file.ts'

const chunkBytesMax = 1024 * 1024

export type Follower = Readonly<{
  /** The complete lines since the last call; at most about a megabyte of each file. */
  next: () => Promise<string[]>
}>

/**
 * Follows a growing log from a byte on. A log that was moved aside is read to its end, and then the
 * newer ones from their begin.
 */
export function followFile(file: string, from: number): Follower {
  const files = filesOfLog(file)
  let reading: number | undefined
  let position = from
  let rest: Buffer = Buffer.alloc(0)

  function begin(inode: number): void {
    reading = inode
    position = 0
    rest = Buffer.alloc(0)
  }

  /** The bytes that follow in the file that is read; undefined when it has been moved meanwhile. */
  async function readChunk(path: string): Promise<Buffer | undefined> {
    await using handle = await ifThere(open(path))
    if (!handle) return undefined
    const { ino, size } = await handle.stat()
    if (ino !== reading) return undefined
    if (size < position) begin(ino)
    const buffer = Buffer.alloc(Math.min(size - position, chunkBytesMax))
    const { bytesRead } = await handle.read({ buffer, position })
    position += bytesRead
    return buffer.subarray(0, bytesRead)
  }

  function takeLines(chunk: Buffer): string[] {
    const bytes = Buffer.concat([rest, chunk])
    const end = bytes.lastIndexOf('\n') + 1
    rest = bytes.subarray(end)
    return end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n')
  }

  return {
    async next() {
      // A file only moves towards the older ones, so this order misses none that moves meanwhile.
      const inodes: (number | undefined)[] = []
      for (const each of files) inodes.push(await inodeOf(each))
      if (inodes[0] === undefined) return []
      reading ??= inodes[0]
      // A file that is no longer kept was moved on too often since the last call.
      if (!inodes.includes(reading)) begin(inodes[0])
      const lines: string[] = []
      for (let index = inodes.indexOf(reading); index >= 0; index -= 1) {
        const inode = inodes[index]
        // The files are being moved at this moment: the next look finds the newer one.
        if (inode === undefined) break
        if (inode !== reading) begin(inode)
        const chunk = await readChunk(files[index] ?? file)
        if (chunk === undefined) break
        lines.push(...takeLines(chunk))
        // The rest of this file comes before the newer ones.
        if (chunk.length === chunkBytesMax) break
      }
      return lines
    },
  }
}

async function inodeOf(file: string): Promise<number | undefined> {
  return (await ifThere(stat(file)))?.ino
}

/** The size of a file in bytes; 0 when it is not there (yet). */
export async function sizeOf(file: string): Promise<number> {
  return (await ifThere(stat(file)))?.size ?? 0
}
