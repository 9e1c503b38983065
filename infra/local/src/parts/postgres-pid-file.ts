import { readFile, rm } from 'node:fs/promises'
import { environmentOf } from '../machine.ts'
import { readIfThere } from '../read-if-there.ts'
import { runCommand } from './run-command.ts'

const psDeadlineMs = 5_000

/**
 * A server that was killed leaves its pid file. After a reboot, or in a restarted container, that
 * number soon belongs to another program of the same user, and PostgreSQL would then refuse to
 * start for ever; so it does with an empty file, left by one killed while it wrote it. Only these
 * are removed. A number that belongs to nobody stays: by that file the server finds children of the
 * killed one that still write.
 */
export async function removeStalePidFile(pidFile: string): Promise<void> {
  const text = await readIfThere(pidFile)
  if (text === undefined) return
  const pid = Number.parseInt(text, 10)
  const command = Number.isInteger(pid) ? await commandOf(pid) : 'nothing'
  if (command !== '' && !command.includes('postgres')) await rm(pidFile, { force: true })
}

/** The name of a running program; empty when no such process runs. */
async function commandOf(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    return readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  }
  return runCommand('ps', ['-o', 'comm=', '-p', String(pid)], {
    environment: environmentOf({}),
    deadlineMs: psDeadlineMs,
  }).then(
    ({ stdout }) => stdout,
    () => '',
  )
}
