import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { environmentOf, findExecutable } from '@nightshift/local/machine'

export type PgbenchRun = Readonly<{
  program: string
  /** Names the role and the database. */
  url: string
  script: string
  /** The values of the variables, which begin with a colon in the script. */
  variables: Readonly<Record<string, string>>
  clients: number
  seconds: number
}>

/** The time to connect, and to prepare the statements on each connection. */
const startUpMs = 30_000

/** The path of pgbench, or undefined: the PostgreSQL of the launcher comes without it. */
export function findPgbench(): Promise<string | undefined> {
  return findExecutable('pgbench', environmentOf({}))
}

/**
 * Runs a pgbench script with prepared statements as often as possible.
 * @returns how often in all and per second, without the time for connecting
 * @throws with the output of pgbench when it fails, or when a transaction failed
 */
export async function runPgbench(
  run: PgbenchRun,
): Promise<{ perSecond: number; payments: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-pgbench-'))
  try {
    const file = join(dir, 'script.sql')
    await writeFile(file, run.script)
    const { hostname, port, username, password, pathname } = new URL(run.url)
    const args = [
      '--no-vacuum',
      '--protocol=prepared',
      `--file=${file}`,
      `--client=${run.clients}`,
      `--time=${run.seconds}`,
      ...Object.entries(run.variables).map(([name, value]) => `--define=${name}=${value}`),
      `--host=${hostname}`,
      `--port=${port}`,
      `--username=${username}`,
      pathname.slice(1),
    ]
    const { PATH } = environmentOf({})
    const { stdout } = await promisify(execFile)(run.program, args, {
      env: { PATH, PGPASSWORD: decodeURIComponent(password) },
      timeout: run.seconds * 1_000 + startUpMs,
    })
    const [, failed] = /number of failed transactions: (\d+)/.exec(stdout) ?? []
    const [, perSecond] = /tps = ([\d.]+)/.exec(stdout) ?? []
    const [, payments] = /transactions actually processed: (\d+)/.exec(stdout) ?? []
    if (perSecond === undefined || Number(failed ?? 0) > 0) throw new Error(stdout)
    return { perSecond: Math.round(Number(perSecond)), payments: Number(payments) }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
