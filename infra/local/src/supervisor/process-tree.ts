import { waitUntil } from '../wait-until.ts'
import { isSame, type ProcessIdentity, type ProcessRow, readProcessTable } from './process-table.ts'

/**
 * A child that we started at the head of its own process group, and everything that came of it.
 * The group alone is not enough: PostgreSQL's backends leave it for groups of their own.
 */
export type Family = Readonly<{
  leader: ProcessIdentity
  /** Members seen at an earlier look; they stay members when their parent dies. */
  seen: readonly ProcessIdentity[]
}>

/**
 * The living members of a family. A process is a member only if it can be shown to be: by its
 * group, as long as somebody known holds that group; by its parent; or by having been seen before.
 * A stranger who got a dead member's pid is never one.
 */
export function membersOf(family: Family, table: readonly ProcessRow[]): ProcessRow[] {
  const known = [family.leader, ...family.seen]
  const members = new Map(
    table.filter(row => known.some(each => isSame(each, row))).map(row => [row.pid, row]),
  )
  const groupIsOurs = [...members.values()].some(row => row.group === family.leader.pid)
  let found = true
  while (found) {
    const more = table.filter(row => {
      if (members.has(row.pid)) return false
      return members.has(row.parent) || (groupIsOurs && row.group === family.leader.pid)
    })
    for (const row of more) members.set(row.pid, row)
    found = more.length > 0
  }
  return [...members.values()]
}

/** Sends a signal to the whole process group; false when there is no such group any more. */
export function signalGroup(leaderPid: number, signal: NodeJS.Signals): boolean {
  return send(-leaderPid, signal)
}

const endPollMs = 25
/** SIGKILL cannot be refused, only delayed by a process stuck in the kernel. */
const killDeadlineMs = 5_000

/**
 * Ends a family: asks by signal, waits, then kills what is left, wherever it has gone. Answers how
 * many had to be killed. Throws if one of them is still there `killDeadlineMs` after SIGKILL.
 */
export async function endFamily(
  family: Family,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<{ killed: number }> {
  let members = membersOf(family, await readProcessTable())
  const look = async () => {
    members = membersOf({ leader: family.leader, seen: members }, await readProcessTable())
    return members.length === 0
  }
  if (members.some(row => row.group === family.leader.pid)) {
    signalGroup(family.leader.pid, signal)
    // Who was paused would only hear of it when woken, and has no use for it while its children,
    // which may have left the group, are still paused.
    for (const { pid } of members) send(pid, 'SIGCONT')
  }
  if (await waitUntil(look, graceMs, endPollMs)) return { killed: 0 }

  const killed = new Set<number>()
  const killAndLook = async () => {
    for (const { pid } of members) {
      killed.add(pid)
      send(pid, 'SIGKILL')
    }
    return await look()
  }
  if (await waitUntil(killAndLook, killDeadlineMs, endPollMs)) return { killed: killed.size }
  const left = members.map(row => row.pid).join(', ')
  throw new Error(`still alive ${killDeadlineMs} ms after SIGKILL: ${left}`)
}

function send(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
