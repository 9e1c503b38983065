import type { FileHandle } from 'node:fs/promises'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The log adds to every entry the time of writing and a sequence number, which starts at 1. */
export type Stamp = Readonly<{ at: string; seq: number }>
export type Line<Entry> = Stamp & Entry

/** An append-only file of JSON lines. It offers no way to change or remove a line. */
export type AppendLog<Entry> = Readonly<{
  /** Resolves once the stamped entry is on disk. After one failed write it always rejects. */
  append: <One extends Entry>(entry: One) => Promise<Line<One>>
  /** Reads the text of one line from disk, without its newline. Throws for an unknown `seq`. */
  readText: (seq: number) => Promise<string>
  /** The number of lines on disk, which is also the highest `seq`. */
  size: () => number
  /** The error that makes every further append fail, or undefined while the log can be written. */
  failure: () => Error | undefined
  /** Waits for the running write, then closes the file. */
  close: () => Promise<void>
}>

/** The log refuses more lines than this. It holds 8 bytes of offset in memory for each. */
const linesMax = 2_000_000
const newline = 0x0a

type Waiting = Readonly<{ bytes: Buffer; written: PromiseWithResolvers<void> }>

/**
 * Opens the log and passes every line in it to `onLine`, in order. A crash can leave the last line
 * half written; that line is cut off, because no caller was answered before it was whole. Throws when
 * a whole line is damaged, because the file then no longer holds what was written.
 *
 * Lines that wait while the disk is busy share the next fsync, so many callers cost little more
 * than one. At most one write runs at a time, so the order on disk is the order of the calls.
 */
export async function openAppendLog<Entry extends object>(
  path: string,
  onLine: (line: Line<Entry>) => void,
): Promise<AppendLog<Entry>> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'a+')
  /** `ends[n]` is the offset behind line n, and line n starts at `ends[n - 1]`. */
  const ends = await replay(file, onLine).catch(async cause => {
    await file.close()
    throw new Error(`${path} cannot be read back`, { cause })
  })
  let waiting: Waiting[] = []
  let lastSeq = ends.length - 1
  let writing: Promise<void> | undefined
  let failed: Error | undefined

  async function writeWaiting(): Promise<void> {
    while (waiting.length > 0 && failed === undefined) {
      const batch = waiting
      waiting = []
      try {
        await file.appendFile(Buffer.concat(batch.map(({ bytes }) => bytes)))
        await file.datasync()
        for (const { bytes, written } of batch) {
          ends.push(endOf(ends) + bytes.length)
          written.resolve()
        }
      } catch (cause) {
        // The end of the file is now unknown. Only a restart, which reads it back, can continue.
        failed = new Error(`${path} can no longer be written`, { cause })
        for (const { written } of [...batch, ...waiting]) written.reject(failed)
      }
    }
    writing = undefined
  }

  return {
    async append(entry) {
      if (failed !== undefined) throw failed
      if (lastSeq >= linesMax) throw new Error(`${path} is full: ${linesMax} lines`)
      lastSeq += 1
      const line = { at: new Date().toISOString(), seq: lastSeq, ...entry }
      const written = Promise.withResolvers<void>()
      waiting.push({ bytes: Buffer.from(`${JSON.stringify(line)}\n`), written })
      writing ??= writeWaiting()
      await written.promise
      return line
    },
    async readText(seq) {
      const start = ends[seq - 1]
      const end = ends[seq]
      if (start === undefined || end === undefined)
        throw new RangeError(`no line ${seq} in ${path}`)
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
      return buffer.toString('utf8', 0, end - start - 1)
    },
    size: () => ends.length - 1,
    failure: () => failed,
    async close() {
      await writing
      await file.close()
    },
  }
}

/** Reads every whole line, cuts off the rest after the last newline, and answers the line ends. */
async function replay<Entry>(
  file: FileHandle,
  onLine: (line: Line<Entry>) => void,
): Promise<number[]> {
  const ends = [0]
  let rest = Buffer.alloc(0)
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      onLine(parseLine<Entry>(rest.toString('utf8', 0, end), ends.length))
      ends.push(endOf(ends) + end + 1)
      rest = rest.subarray(end + 1)
    }
  }
  if (rest.length > 0) await file.truncate(endOf(ends))
  return ends
}

function parseLine<Entry>(text: string, expectedSeq: number): Line<Entry> {
  try {
    const line: Line<Entry> = JSON.parse(text)
    if (line.seq === expectedSeq) return line
  } catch (cause) {
    throw new Error(`line ${expectedSeq} is not JSON`, { cause })
  }
  throw new Error(`line ${expectedSeq} does not carry seq ${expectedSeq}`)
}

function endOf(ends: readonly number[]): number {
  return ends.at(-1) ?? 0
}
