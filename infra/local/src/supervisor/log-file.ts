import { appendFileSync, closeSync, fstatSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { isMissing } from '../read-if-there.ts'

/** A process keeps at most this much for each file: the one that is written, and the older ones. */
const fileBytesMax = 8 * 1024 * 1024
const olderFilesMax = 4
/** A longer line may be cut, so that output without any line end needs no more memory than this. */
const lineBytesMax = 1024 * 1024

/** The log of a process. It moves itself aside between two lines, while the process runs. */
export type LogFile = Readonly<{
  /** Takes whole lines. */
  append: (lines: Buffer) => void
  close: () => void
}>

export type LogFileOptions = Readonly<{
  bytesMax?: number
  /** Called once when lines are lost, for example because the disk is full. */
  onFailure: (error: unknown) => void
}>

export function supervisorLog(logsDir: string): string {
  return join(logsDir, 'supervisor.log')
}

/** The files of a log, newest first. Those after the first may be missing. */
export function filesOfLog(file: string): string[] {
  const older = Array.from({ length: olderFilesMax }, (_, index) => `${file}.${index + 1}`)
  return [file, ...older]
}

export function openLogFile(file: string, options: LogFileOptions): LogFile {
  const { bytesMax = fileBytesMax, onFailure } = options
  let descriptor = openForAppend(file)
  let bytes = fstatSync(descriptor).size
  let hasFailed = false

  function moveAside(): void {
    const full = descriptor
    descriptor = beginAgain(file)
    closeSync(full)
    bytes = 0
  }

  return {
    append(lines) {
      try {
        if (bytes > 0 && bytes + lines.length > bytesMax) moveAside()
        appendFileSync(descriptor, lines)
        bytes += lines.length
      } catch (error) {
        if (!hasFailed) onFailure(error)
        hasFailed = true
      }
    },
    close: () => closeSync(descriptor),
  }
}

/**
 * Opens a log and hands its descriptor to `use`, which gives it to a child. The log is moved aside
 * first when it is full.
 */
export function withLogFile<T>(file: string, use: (descriptor: number) => T): T {
  let descriptor = openForAppend(file)
  if (fstatSync(descriptor).size > fileBytesMax) {
    closeSync(descriptor)
    descriptor = beginAgain(file)
  }
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Copies what a child prints to its log, in whole lines: its two outputs share the file, and the
 * file is moved aside between two calls. A last line without an end gets one.
 */
export function copyLines(output: Readable, log: LogFile): void {
  let rest: Buffer = Buffer.alloc(0)
  output.on('data', (chunk: Buffer) => {
    const bytes = Buffer.concat([rest, chunk])
    const isTooLong = bytes.length > lineBytesMax
    const end = isTooLong ? bytes.length : bytes.lastIndexOf('\n') + 1
    rest = bytes.subarray(end)
    if (end > 0) log.append(bytes.subarray(0, end))
  })
  output.on('end', () => {
    if (rest.length > 0) log.append(Buffer.concat([rest, Buffer.from('\n')]))
  })
}

function openForAppend(file: string): number {
  mkdirSync(dirname(file), { recursive: true })
  return openSync(file, 'a', 0o600)
}

/**
 * Moves a log and the older ones aside, and opens a new file in its place. The new file is opened
 * first: where that fails, each further line tries again, and would move the older ones away.
 */
function beginAgain(file: string): number {
  const next = `${file}.next`
  const descriptor = openForAppend(next)
  try {
    moveOlder(file)
    renameSync(next, file)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** Each file takes the name of the next older one; the oldest is overwritten. */
function moveOlder(file: string): void {
  const files = filesOfLog(file)
  for (let index = files.length - 1; index > 0; index -= 1) {
    moveIfThere(files[index - 1] ?? '', files[index] ?? '')
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
