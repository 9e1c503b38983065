import { ConfigError } from './config.ts'

/**
 * The places at which a process may be made to die, as `kill -9` would: to prove what survives a
 * death exactly there. A closed list: a label that is not here does not compile, and a test sees to
 * it that each is somewhere in the code. The line above a label says what is true at that moment;
 * docs/reference/crash-points.md is made from it.
 */
export const crashLabels = [
  // The key and the payment are committed. The provider has not been asked.
  'payment.claimed',
  // The provider is about to be asked, once more or for the first time; no transaction is open.
  'charge.begin',
  // The provider has answered or stayed silent, and only this process knows. Money may have moved.
  'charge.answered',
  // The verdict is known and no transaction is open yet.
  'settle.begin',
  // State and event are committed. Nothing is published, and the caller has no answer.
  'outbox.committed',
  // Kafka has the events, and the outbox still lists them: they will be published again.
  'relay.published',
  // The refund is owed. The provider has not been asked.
  'refund.claimed',
  // The provider is about to be asked for a refund; no transaction is open.
  'refund.begin',
  // The provider has answered or stayed silent about a refund, and only this process knows.
  'refund.answered',
  // The key and the publication are committed. Payments has not been asked.
  'publication.claimed',
  // Payments is about to be asked; no transaction is open.
  'pay.begin',
  // Payments has answered or stayed silent, and only this process knows.
  'pay.answered',
  // The effect of an event is committed and its offset is not: the event will come again.
  'event.applied',
  // The mail server has the mail, and that is not written down: it may be sent again.
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
