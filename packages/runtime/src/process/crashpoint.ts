import { ConfigError } from './config.ts'

/** Places in the code by their labels, each with a sentence about what is true at that moment. */
export type CrashPoints = Readonly<Record<string, string>>

let armed: { label: string; remaining: number } | undefined

/**
 * Makes this process die at a crash point as `kill -9` would, to prove what survives a death exactly
 * there. Nothing is armed in production: CRASH_AT is unset.
 * @param setting `label:n`: die when `label` is reached for the n-th time in this process
 * @param known the lists of crash points that this process can reach
 * @returns whether it is armed: one setting reaches every service, and most have no such label
 * @throws ConfigError naming the labels when the setting has another form
 */
export function armCrashpoint(setting: string, known: readonly CrashPoints[]): boolean {
  const { label, times } = /^(?<label>[a-z.]+):(?<times>[1-9]\d{0,5})$/.exec(setting)?.groups ?? {}
  const labels = known.flatMap(points => Object.keys(points))
  if (label === undefined) {
    throw new ConfigError([`CRASH_AT: must be label:n, with one of ${labels.join(', ')}`])
  }
  if (!labels.includes(label)) return false
  armed = { label, remaining: Number(times) }
  return true
}

/** Called by the typed `crashpoint` that each owner of crash points has beside its list. */
export async function reachCrashPoint(label: string): Promise<void> {
  if (armed?.label !== label || --armed.remaining > 0) return
  process.kill(process.pid, 'SIGKILL')
  // SIGKILL is delivered asynchronously; nothing after this line may run.
  await new Promise(() => {})
}
