/**
 * Starts what goes on without anybody asking. When `open` closes, everything is told to stop and
 * waited for, before the connections that were opened earlier close.
 */
export function runInBackground(
  open: AsyncDisposableStack,
  ...tasks: ((signal: AbortSignal) => Promise<void>)[]
): void {
  const stop = new AbortController()
  const started = tasks.map(task => task(stop.signal))
  // A task that fails while the service runs is nobody's to catch: it ends the process, loudly.
  const running = Promise.all(started)
  open.defer(async () => {
    stop.abort()
    // The first failure must not close connections under those that are still writing.
    await Promise.allSettled([...started, running])
    await running
  })
}
