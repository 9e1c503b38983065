/** Aborts at the first SIGTERM or SIGINT; a second one ends the process as it would any other. */
export function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
  }
  return stop.signal
}
