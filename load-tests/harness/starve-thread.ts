/** The thread of `starveProcess`. */
import { readdirSync, readFileSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { Starving } from './starve-process.ts'

const { pid, share, periodMs, stop } = workerData as Starving
const lookMs = 2
const nsPerMs = 1_000_000

/**
 * The processor time that all threads of the process have used, in milliseconds (`/proc/<pid>/task/
 * <tid>/schedstat`). Where there is no /proc, the time that has passed stands for it.
 */
function usedMs(): number {
  if (process.platform !== 'linux') return performance.now()
  const tasks = `/proc/${pid}/task`
  const ns = readdirSync(tasks).map(task => {
    try {
      return Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0])
    } catch {
      return 0 // the thread has ended meanwhile
    }
  })
  return ns.reduce((sum, one) => sum + one, 0) / nsPerMs
}

function isOver(): boolean {
  return Atomics.load(stop, 0) === 1
}

/** Waits, but not beyond the end of the starving. */
function wait(ms: number): void {
  if (ms > 0) Atomics.wait(stop, 0, 0, ms)
}

/** The processor time that the process may have used at the end of this period. */
let quotaMs = usedMs()

function starveOnePeriod(): void {
  const endMs = performance.now() + periodMs
  // What is left of a period is lost. What was used beyond it is owed.
  quotaMs = Math.min(quotaMs, usedMs()) + share * periodMs
  while (!isOver() && performance.now() < endMs) {
    if (usedMs() >= quotaMs) {
      process.kill(pid, 'SIGSTOP')
      wait(endMs - performance.now())
      process.kill(pid, 'SIGCONT')
    } else wait(lookMs)
  }
}

try {
  while (!isOver()) starveOnePeriod()
} catch (error) {
  // A process that has ended needs no starving.
  const { code = '' } = error as NodeJS.ErrnoException
  if (code !== 'ESRCH' && code !== 'ENOENT') throw error
}
