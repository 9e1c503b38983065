import { ConfigError } from './config.ts'

/** Places in the code by their labels, each with a sentence about what is true at that moment. */
export type CrashPoints = Readonly<Record<string, string>>

type Armed = { label: string; remaining: number }

let death: Armed | undefined
let block: (Armed & { everyNth: number; blockMs: number }) | undefined

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
  if (label === undefined) throw otherForm('CRASH_AT', 'label:n', known)
  if (!labelsOf(known).includes(label)) return false
  death = { label, remaining: Number(times) }
  return true
}

/**
 * Makes this process compute at a crash point and do nothing else, as parsing a huge body would. Its
 * event loop does not turn meanwhile: no timer, no probe, no other request.
 * @param setting `label:n:ms`: for so long, each n-th time that `label` is reached
 * @returns and throws like `armCrashpoint`
 */
export function armBlock(setting: string, known: readonly CrashPoints[]): boolean {
  const form = /^(?<label>[a-z.]+):(?<times>[1-9]\d{0,5}):(?<ms>[1-9]\d{0,4})$/
  const { label, times, ms } = form.exec(setting)?.groups ?? {}
  if (label === undefined) throw otherForm('BLOCK_AT', 'label:n:ms', known)
  if (!labelsOf(known).includes(label)) return false
  const everyNth = Number(times)
  block = { label, remaining: everyNth, everyNth, blockMs: Number(ms) }
  return true
}

/** Called by the typed `crashpoint` that each owner of crash points has beside its list. */
export async function reachCrashPoint(label: string): Promise<void> {
  if (block?.label === label && --block.remaining === 0) {
    block.remaining = block.everyNth
    computeFor(block.blockMs)
  }
  if (death?.label !== label || --death.remaining > 0) return
  process.kill(process.pid, 'SIGKILL')
  // SIGKILL is delivered asynchronously; nothing after this line may run.
  await new Promise(() => {})
}

function computeFor(ms: number): void {
  const untilMs = performance.now() + ms
  while (performance.now() < untilMs);
}

function labelsOf(known: readonly CrashPoints[]): string[] {
  return known.flatMap(points => Object.keys(points))
}

function otherForm(name: string, form: string, known: readonly CrashPoints[]): ConfigError {
  return new ConfigError([`${name}: must be ${form}, with one of ${labelsOf(known).join(', ')}`])
}
