import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** One file for each reserved port; it holds the pid of the process that reserved it. */
const reservations = join(tmpdir(), `nightshift-ports-${process.getuid?.() ?? 'all'}`)
const ours: string[] = []

/**
 * Reserves a port until this process ends; false if a living process, also this one, has reserved it.
 * A free port may still be needed: a service that starts, or that a test has stopped, listens later.
 */
export function reservePort(port: number): boolean {
  mkdirSync(reservations, { recursive: true })
  const file = join(reservations, String(port))
  if (!isAvailable(file)) return false
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
  if (ours.length === 0) process.once('exit', release)
  ours.push(file)
  return true
}

/** The port is not reserved, or its process was killed and could not release it. */
function isAvailable(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0)
    return false
  } catch {
    rmSync(file, { force: true }) // no such file, or no such process
    return true
  }
}

function release(): void {
  for (const file of ours) rmSync(file, { force: true })
}
