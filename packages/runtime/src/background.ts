/**
 * Starts what goes on without anybody asking. When `open` closes, everything is told to stop and
 * waited for, before the connections that were opened earlier close.
 */
export function runInBackground(
  open: AsyncDisposableStack,
  ...tasks: ((signal: AbortSignal) => Promise<void>)[]
): void {
  const stop = new AbortController()
  const running = Promise.all(tasks.map(task => task(stop.signal)))
  open.defer(async () => {
    stop.abort()
    await running
  })
}
