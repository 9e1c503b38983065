/** Runs work beside the requests, and waits for it when the process stops. */
export type Background = Readonly<{
  /** Starts the work now, unless closed. A failure goes to `onError`. */
  begin: (run: () => Promise<void>) => void
  /** Starts the work after so many milliseconds, unless it is cancelled. */
  later: (ms: number, run: () => Promise<void>) => Readonly<{ cancel: () => void }>
  /** Cancels the work that has not begun and waits for the work that has. */
  close: () => Promise<void>
}>

export function createBackground(onError: (error: unknown) => void): Background {
  const timers = new Set<NodeJS.Timeout>()
  const running = new Set<Promise<void>>()
  let closed = false

  function begin(run: () => Promise<void>): void {
    if (closed) return
    const followed = run()
      .catch(onError)
      .finally(() => running.delete(followed))
    running.add(followed)
  }

  return {
    begin,
    later(ms, run) {
      if (closed) return { cancel: () => undefined }
      const timer = setTimeout(() => {
        timers.delete(timer)
        begin(run)
      }, ms)
      timers.add(timer)
      const cancel = () => {
        timers.delete(timer)
        clearTimeout(timer)
      }
      return { cancel }
    },
    async close() {
      closed = true
      for (const timer of timers) clearTimeout(timer)
      await Promise.all(running)
    },
  }
}
