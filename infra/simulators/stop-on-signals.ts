/** Aborts at the first SIGTERM or SIGINT. A second one has its usual effect and ends the process. */
export function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
  }
  return stop.signal
}
