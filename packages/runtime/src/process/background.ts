/**
 * Starts tasks that go on without a request. When `open` closes, they are told to stop and waited
 * for, before the connections that were opened earlier close.
 * @param stopping tells them earlier: jobs end while requests are being drained and not after that,
 *   or the two together would take longer than a stop may
 */
export function runInBackground(
  open: AsyncDisposableStack,
  tasks: readonly ((signal: AbortSignal) => Promise<void>)[],
  stopping?: AbortSignal,
): void {
  const stop = new AbortController()
  const signal = stopping ? AbortSignal.any([stop.signal, stopping]) : stop.signal
  const started = tasks.map(task => task(signal))
  // Nothing catches a task that fails while the service runs: it ends the process, loudly.
  const running = Promise.all(started)
  open.defer(async () => {
    stop.abort()
    // The first failure must not close connections under those that are still writing.
    await Promise.allSettled([...started, running])
    await running
  })
}
