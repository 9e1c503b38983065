import { closeSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isMissing } from '../read-if-there.ts'

const logBytesMax = 10 * 1024 * 1024

/**
 * Opens a log for appending and hands its descriptor to `use`, which gives it to a child. A log that
 * has grown past 10 MiB is moved aside first, over the one moved aside before.
 */
export function withLogFile<T>(file: string, use: (descriptor: number) => T): T {
  mkdirSync(dirname(file), { recursive: true })
  if (sizeOf(file) > logBytesMax) renameSync(file, `${file}.1`)
  const descriptor = openSync(file, 'a', 0o600)
  try {
    return use(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}
