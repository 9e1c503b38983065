/**
 * Labelled places at which the process may be made to die, as `kill -9` would: to prove what
 * survives a death exactly there. Nothing in production: the armed label is unset.
 */
let armed: { label: string; remaining: number } | undefined

/** @param setting `label:n`: die when `label` is reached for the n-th time in this process. */
export function armCrashpoint(setting: string): void {
  const [, label, count] = /^([^:]+):([1-9]\d{0,5})$/.exec(setting) ?? []
  if (!label || !count) throw new Error('CRASH_AT must be label:n, and n a number from 1')
  armed = { label, remaining: Number(count) }
}

export async function crashpoint(label: string): Promise<void> {
  if (armed?.label !== label || --armed.remaining > 0) return
  process.kill(process.pid, 'SIGKILL')
  // SIGKILL is delivered asynchronously; nothing after this line may run.
  await new Promise(() => {})
}
