import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** A limit of processor time, as a container has it. */
export type ProcessorLimit = Readonly<{
  /** The part of one core that the process has, from 0 to 1. */
  share: number
  /** The kernel gives a container its share of each tenth of a second (`cpu.cfs_period_us`). */
  periodMs: number
}>

export type Starving = ProcessorLimit &
  Readonly<{ pid: number; stop: Int32Array<SharedArrayBuffer> }>

/**
 * Gives a process no more processor time than a share of each period, as the kernel does with a
 * container (`cpu.cfs_quota_us`): once it has used that up, it is stopped until the next period. That
 * needs no cgroup and so no administrator. A thread of its own does it, because the timers of a busy
 * load generator come late. Disposing of it lets the process run again.
 */
export function starveProcess(pid: number, limit: ProcessorLimit): AsyncDisposable {
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const workerData: Starving = { ...limit, pid, stop }
  const worker = new Worker(new URL('starve-thread.ts', import.meta.url), { workerData })
  // Heard from the start: an error of the thread must not be missed.
  const ended = once(worker, 'exit')
  ended.catch(() => {}) // whoever disposes of it is told
  return {
    async [Symbol.asyncDispose]() {
      Atomics.store(stop, 0, 1)
      Atomics.notify(stop, 0)
      await ended
    },
  }
}
