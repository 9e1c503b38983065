import { identify, readProcessTable } from './process-table.ts'
import { membersOf } from './process-tree.ts'

const sweepsMax = 5

/**
 * Pauses or wakes a process and all that came of it. Its group is not enough: PostgreSQL's sessions
 * have left it. A pause goes on until no new one turns up, since the last child may have been born
 * while we looked. False when there is no such process.
 */
export async function signalFamily(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): Promise<boolean> {
  const leader = await identify(pid)
  if (!leader) return false
  const told = new Set<number>()
  for (let sweep = 0; sweep < sweepsMax; sweep += 1) {
    const members = membersOf({ leader, seen: [] }, await readProcessTable())
    const untold = members.filter(member => !told.has(member.pid))
    if (untold.length === 0) break
    for (const member of untold) {
      told.add(member.pid)
      send(member.pid, signal)
    }
  }
  return true
}

/** Whether a process came of another one, which the supervisor started. */
export async function isOfFamily(pid: number, leaderPid: number): Promise<boolean> {
  const leader = await identify(leaderPid)
  if (!leader) return false
  const members = membersOf({ leader, seen: [] }, await readProcessTable())
  return members.some(member => member.pid === pid)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It ended before it was told: that is what a session does when its client leaves.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
