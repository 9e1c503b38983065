import { readFile } from 'node:fs/promises'

/** The answer of a file system call, or undefined when there is no such file. Any other error is thrown. */
export async function ifThere<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** The text of a file, or undefined when there is none. Any other error is thrown. */
export function readIfThere(file: string): Promise<string | undefined> {
  return ifThere(readFile(file, 'utf8'))
}

/** Whether a file system call failed because there is no such file. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, ['ENOENT'])
}

/** Whether it failed because a directory stands where a file should, or a file where a directory should. */
export function isMisplaced(error: unknown): boolean {
  return hasCode(error, ['EISDIR', 'ENOTDIR'])
}

/** Whether it failed because the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return hasCode(error, ['ENOSPC'])
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
