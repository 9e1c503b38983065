import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'

/** A process, told apart from a later one that got the same pid. */
export type ProcessIdentity = Readonly<{
  pid: number
  /** The start time as the system writes it; it is compared and never read. */
  startedAt: string
}>

export type ProcessRow = ProcessIdentity & Readonly<{ parent: number; group: number }>

const psTimeoutMs = 5_000
const run = promisify(execFile)
/** Start times are compared by their text, so every process must write them in the same way. */
const psEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
const runPs = (...args: readonly string[]) =>
  run('ps', args, { timeout: psTimeoutMs, env: psEnvironment })

/**
 * All living processes of this machine. Zombies are left out: they are dead, and in a container
 * without an init they may stay for ever.
 */
export async function readProcessTable(): Promise<ProcessRow[]> {
  return process.platform === 'linux' ? readProc() : await readPs()
}

/** The process that has this pid now; undefined when there is none. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const row =
    process.platform === 'linux'
      ? readProcOf(pid, readBootId())
      : (await readPs()).find(candidate => candidate.pid === pid)
  return row && { pid, startedAt: row.startedAt }
}

/** The identity by which a later command finds this process. */
export async function identifySelf(): Promise<ProcessIdentity> {
  const self = await identify(process.pid)
  if (!self) throw new Error('the process table does not show this process')
  return self
}

export function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startedAt === b.startedAt
}

/** The name of the program that runs under this pid; undefined when there is none. */
export async function commandOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return readProcFile(`/proc/${pid}/comm`)?.trim()
  return runPs('-o', 'comm=', '-p', String(pid)).then(
    ({ stdout }) => stdout.trim(),
    () => undefined, // ps fails for a pid that no process has
  )
}

/**
 * Resident memory of these processes together, in MiB. Linux shares each page out among those that
 * have it mapped, so that PostgreSQL's buffers count once and not once per backend. Processes that
 * have ended count as nothing.
 */
export async function residentMiB(pids: readonly number[]): Promise<number> {
  if (pids.length === 0) return 0
  const kib = process.platform === 'linux' ? pids.map(residentKiBFromProc) : await residentFromPs()
  return Math.round(kib.reduce((sum, each) => sum + each, 0) / 1024)

  async function residentFromPs(): Promise<number[]> {
    const { stdout } = await runPs('-axo', 'pid=,rss=')
    const rows = stdout.split('\n').map(line => line.trim().split(/\s+/).map(Number))
    return rows.filter(([pid]) => pid && pids.includes(pid)).map(([, rss]) => rss ?? 0)
  }
}

function readProc(): ProcessRow[] {
  const boot = readBootId()
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.flatMap(pid => readProcOf(Number(pid), boot) ?? [])
}

function readProcOf(pid: number, boot: string): ProcessRow | undefined {
  const stat = readProcFile(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const [state, parent, group, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === 'Z' || state === 'X') return undefined
  const startTicks = rest[16]
  return { pid, parent: Number(parent), group: Number(group), startedAt: `${boot} ${startTicks}` }
}

/** Start times count from boot, so a file of an earlier boot must not match a pid of this one. */
function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** The kernel's sum of shares; where we may not read it, the plain figure, which is higher. */
function residentKiBFromProc(pid: number): number {
  const shares = readProcFile(`/proc/${pid}/smaps_rollup`)
  const figure =
    shares === undefined
      ? /^VmRSS:\s+(\d+) kB/m.exec(readProcFile(`/proc/${pid}/status`) ?? '')
      : /^Pss:\s+(\d+) kB/m.exec(shares)
  return Number(figure?.[1] ?? 0)
}

/** A process may end before it is read, or belong to another user: then it has no answer. */
function readProcFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(String(code))) return undefined
    throw error
  }
}

async function readPs(): Promise<ProcessRow[]> {
  const columns = 'pid=,ppid=,pgid=,stat=,lstart='
  const { stdout } = await runPs('-axo', columns)
  const rows: ProcessRow[] = []
  for (const line of stdout.split('\n')) {
    const [pid, parent, group, state, ...startedAt] = line.trim().split(/\s+/)
    if (state === undefined || state.startsWith('Z')) continue
    rows.push({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      startedAt: startedAt.join(' '),
    })
  }
  return rows
}
