/** Work that goes on beside the requests, and is not forgotten when the process stops. */
export type Background = Readonly<{
  /** Starts it now, unless closed. A failure is told to `onError`. */
  begin: (run: () => Promise<void>) => void
  /** Starts it after so many milliseconds, unless it is called off. */
  later: (ms: number, run: () => Promise<void>) => Readonly<{ callOff: () => void }>
  /** Calls off what has not begun and waits for what has. */
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
      if (closed) return { callOff: () => undefined }
      const timer = setTimeout(() => {
        timers.delete(timer)
        begin(run)
      }, ms)
      timers.add(timer)
      const callOff = () => {
        timers.delete(timer)
        clearTimeout(timer)
      }
      return { callOff }
    },
    async close() {
      closed = true
      for (const timer of timers) clearTimeout(timer)
      await Promise.all(running)
    },
  }
}
