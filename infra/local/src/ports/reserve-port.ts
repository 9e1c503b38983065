import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** A file for each port that a process of ours has been given, with its pid. */
const reservations = join(tmpdir(), `nightshift-ports-${userInfo().uid}`)
const ours: string[] = []

/**
 * Takes a port for this process until it ends; false if another that still lives has it, or we have.
 * Between choosing a port and listening on it a service starts, and a service that a test has stopped
 * listens nowhere: that nobody listens does not say that nobody needs it.
 */
export function reservePort(port: number): boolean {
  mkdirSync(reservations, { recursive: true })
  const file = join(reservations, String(port))
  if (!isLeft(file)) return false
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
  if (ours.length === 0) process.once('exit', giveBack)
  ours.push(file)
  return true
}

/** Nobody has it, or whoever had it was killed and could not give it back. */
function isLeft(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0)
    return false
  } catch {
    rmSync(file, { force: true }) // no such file, or no such process
    return true
  }
}

function giveBack(): void {
  for (const file of ours) rmSync(file, { force: true })
}
