import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { environmentOf, findExecutable } from '@nightshift/local/machine'

export type PgbenchRun = Readonly<{
  program: string
  /** As which role, and on which database. */
  url: string
  script: string
  /** What stands for the names with a colon in the script. */
  variables: Readonly<Record<string, string>>
  clients: number
  seconds: number
}>

/** Connecting, and preparing the statements on each connection. */
const airMs = 30_000

/** Where it is, or undefined: the PostgreSQL that runs here comes without it. */
export function findPgbench(): Promise<string | undefined> {
  return findExecutable('pgbench', environmentOf({}))
}

/**
 * Runs a script of pgbench with prepared statements, as many times as fit.
 * @returns how often, and how often in a second, the time for connecting left out
 * @throws with pgbench's own words when it fails, or when any script did
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
      ...['--no-vacuum', '--protocol', 'prepared', '--file', file],
      ...['--client', String(run.clients), '--time', String(run.seconds)],
      ...Object.entries(run.variables).flatMap(([name, value]) => ['--define', `${name}=${value}`]),
      ...['--host', hostname, '--port', port, '--username', username, pathname.slice(1)],
    ]
    const { PATH } = environmentOf({})
    const { stdout } = await promisify(execFile)(run.program, args, {
      env: { PATH, PGPASSWORD: decodeURIComponent(password) },
      timeout: run.seconds * 1_000 + airMs,
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
