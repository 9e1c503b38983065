/** The least step, in milliseconds: two lines of one process never have the same time. */
const stepMs = 0.001

/**
 * The time of a line that is compared with lines of other processes, in milliseconds since 1970. It
 * follows the clock of the machine, as the others do: time that is counted since the start of a process
 * stays behind when the clock is set, for example after a virtual machine was paused. It never goes back.
 * @param readMs the clock of the machine
 */
export function openWallClock(readMs: () => number = Date.now): () => number {
  let lastMs = Number.NEGATIVE_INFINITY
  return () => {
    lastMs = Math.max(readMs(), lastMs + stepMs)
    return lastMs
  }
}
