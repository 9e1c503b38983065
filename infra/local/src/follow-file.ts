import { open, stat } from 'node:fs/promises'
import { isMissing } from './read-if-there.ts'

const chunkBytesMax = 1024 * 1024

export type Follower = Readonly<{
  /** The complete lines since the last call; at most about a megabyte of them. */
  next: () => Promise<string[]>
}>

/** Follows a growing log from a byte on, also after it was moved aside and begun again. */
export function followFile(file: string, from: number): Follower {
  let position = from
  let rest = Buffer.alloc(0)
  return {
    async next() {
      const size = await sizeOf(file)
      if (size < position) {
        position = 0
        rest = Buffer.alloc(0)
      }
      if (size === position) return []
      await using handle = await open(file)
      const buffer = Buffer.alloc(Math.min(size - position, chunkBytesMax))
      const { bytesRead } = await handle.read({ buffer, position })
      position += bytesRead
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      const end = bytes.lastIndexOf('\n') + 1
      rest = bytes.subarray(end)
      return end === 0 ? [] : bytes.toString('utf8', 0, end - 1).split('\n')
    },
  }
}

/** The size of a file in bytes; 0 when it is not there (yet). */
export async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
