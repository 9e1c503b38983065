import { waitUntil } from '../wait-until.ts'
import {
  identify,
  isSame,
  type ProcessIdentity,
  type ProcessRow,
  readProcessTable,
} from './process-table.ts'

/**
 * A child that we started at the head of its own process group, and all its descendants. The group
 * alone is not enough: PostgreSQL's backends leave it for groups of their own.
 */
export type ProcessTree = Readonly<{
  root: ProcessIdentity
  /** Members seen at an earlier look; they stay members when their parent dies. */
  seen: readonly ProcessIdentity[]
}>

/**
 * The living members of a tree. A process is a member only if something shows it: its group, as long
 * as a known member holds that group; its parent; or an earlier look. A foreign process that got a
 * dead member's pid is never one.
 */
export function membersOf(tree: ProcessTree, table: readonly ProcessRow[]): ProcessRow[] {
  const known = [tree.root, ...tree.seen]
  const members = new Map(
    table.filter(row => known.some(each => isSame(each, row))).map(row => [row.pid, row]),
  )
  const groupIsOurs = [...members.values()].some(row => row.group === tree.root.pid)
  let found = true
  while (found) {
    const more = table.filter(row => {
      if (members.has(row.pid)) return false
      return members.has(row.parent) || (groupIsOurs && row.group === tree.root.pid)
    })
    for (const row of more) members.set(row.pid, row)
    found = more.length > 0
  }
  return [...members.values()]
}

/** Sends a signal to the whole process group; false when there is no such group any more. */
export function signalGroup(rootPid: number, signal: NodeJS.Signals): boolean {
  return sendSignal(-rootPid, signal)
}

const sweepsMax = 5

/**
 * Pauses or wakes a process and all its descendants. The group is not enough: PostgreSQL's sessions
 * have left it. The sweeps go on until no new member turns up, since the last child may have been
 * spawned during the one before. False when there is no such process.
 */
export async function signalTree(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): Promise<boolean> {
  const root = await identify(pid)
  if (!root) return false
  const signalled = new Set<number>()
  for (let sweep = 0; sweep < sweepsMax; sweep += 1) {
    const members = membersOf({ root, seen: [] }, await readProcessTable())
    const fresh = members.filter(member => !signalled.has(member.pid))
    if (fresh.length === 0) break
    for (const member of fresh) {
      signalled.add(member.pid)
      sendSignal(member.pid, signal)
    }
  }
  return true
}

/** Whether a process descends from another one, which the supervisor started. */
export async function isInTree(pid: number, rootPid: number): Promise<boolean> {
  const root = await identify(rootPid)
  if (!root) return false
  const members = membersOf({ root, seen: [] }, await readProcessTable())
  return members.some(member => member.pid === pid)
}

const endPollMs = 25
/** SIGKILL cannot be refused, only delayed by a process stuck in the kernel. */
const killDeadlineMs = 5_000

/**
 * Ends a tree: signals it, waits, then kills every member that is left, wherever it has gone. Answers
 * how many were killed. Throws if one of them still lives `killDeadlineMs` after SIGKILL.
 */
export async function endTree(
  tree: ProcessTree,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<{ killed: number }> {
  let members = membersOf(tree, await readProcessTable())
  const areGone = async () => {
    members = membersOf({ root: tree.root, seen: members }, await readProcessTable())
    return members.length === 0
  }
  if (members.some(row => row.group === tree.root.pid)) {
    signalGroup(tree.root.pid, signal)
    // A paused process handles the signal only when it is woken, and its children may have left the
    // group, so every member is woken.
    for (const { pid } of members) sendSignal(pid, 'SIGCONT')
  }
  if (await waitUntil(areGone, graceMs, endPollMs)) return { killed: 0 }

  const killed = new Set<number>()
  const areKilled = async () => {
    for (const { pid } of members) {
      killed.add(pid)
      sendSignal(pid, 'SIGKILL')
    }
    return await areGone()
  }
  if (await waitUntil(areKilled, killDeadlineMs, endPollMs)) return { killed: killed.size }
  const left = members.map(row => row.pid).join(', ')
  throw new Error(`still alive ${killDeadlineMs} ms after SIGKILL: ${left}`)
}

/**
 * Ends one process by SIGKILL, unless it has ended.
 * @throws when it still lives `deadlineMs` after that
 */
export async function killProcess(
  found: ProcessIdentity,
  deadlineMs: number = killDeadlineMs,
): Promise<void> {
  const { pid } = found
  const isGone = async () => {
    const now = await identify(pid)
    return now === undefined || !isSame(now, found)
  }
  if (await isGone()) return
  sendSignal(pid, 'SIGKILL')
  if (await waitUntil(isGone, deadlineMs, endPollMs)) return
  throw new Error(`process ${pid} is still alive ${deadlineMs} ms after SIGKILL`)
}

/** False when there is no such process any more, which is no error: it has just ended. */
export function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
