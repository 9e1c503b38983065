import { writeWhole } from './write-whole.ts'

/** Writes a file again and again, one write at a time, always with the newest content. */
export type LatestWriter = Readonly<{
  /** The content has changed; it will be written soon. */
  changed: () => void
  /** Resolves when everything that changed so far is on disk. */
  settled: () => Promise<void>
}>

/** Calls during a write are answered by one more write, however many they were. */
export function writeLatest(file: string, content: () => string): LatestWriter {
  let isStale = false
  let writing: Promise<void> = Promise.resolve()
  let isWriting = false
  async function writeWhileStale(): Promise<void> {
    while (isStale) {
      isStale = false
      await writeWhole(file, content())
    }
    isWriting = false
  }
  return {
    changed() {
      isStale = true
      if (isWriting) return
      isWriting = true
      writing = writeWhileStale()
    },
    settled: () => writing,
  }
}
