import { ConfigError } from './config.ts'

/**
 * The places at which a process may be made to die, as `kill -9` would: to prove what survives a
 * death exactly there. A closed list: a label that is not here does not compile, and a test sees to
 * it that each is somewhere in the code.
 */
export const crashLabels = [
  // payments: the two phases, with the provider between them
  'payment.claimed',
  'charge.begin',
  'charge.answered',
  'settle.begin',
  'settle.written',
  // payments and listings: what was committed is not yet published, or not yet marked as such
  'outbox.committed',
  'relay.published',
  // listings: the same two phases, with payments between them
  'publication.claimed',
  'pay.begin',
  'pay.answered',
  // consumers: the effect is committed, the offset is not
  'event.applied',
  // notifications: the mail was accepted, and that is not yet written down
  'mail.accepted',
] as const

export type CrashLabel = (typeof crashLabels)[number]

let armed: { label: string; remaining: number } | undefined

/**
 * Nothing is armed in production: CRASH_AT is unset.
 * @param setting `label:n`: die when `label` is reached for the n-th time in this process
 * @throws ConfigError naming the labels
 */
export function armCrashpoint(setting: string): void {
  const match = /^([a-z.]+):([1-9]\d{0,5})$/.exec(setting)
  if (!match?.[1] || !(crashLabels as readonly string[]).includes(match[1])) {
    throw new ConfigError([`CRASH_AT: must be label:n, with one of ${crashLabels.join(', ')}`])
  }
  armed = { label: match[1], remaining: Number(match[2]) }
}

export async function crashpoint(label: CrashLabel): Promise<void> {
  if (armed?.label !== label || --armed.remaining > 0) return
  process.kill(process.pid, 'SIGKILL')
  // SIGKILL is delivered asynchronously; nothing after this line may run.
  await new Promise(() => {})
}
