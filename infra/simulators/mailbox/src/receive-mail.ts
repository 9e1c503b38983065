import type { AppendLog } from '../../append-log.ts'
import type { Settings } from './fault-settings.ts'
import type { MailEntry } from './mail-entry.ts'
import type { MailStore } from './mail-store.ts'
import { parseMail } from './parse-mail.ts'
import type { Envelope, Verdict } from './smtp.ts'

export type ReceiveMailDeps = Readonly<{
  settings: Settings
  log: AppendLog<MailEntry>
  store: MailStore
  /** Waits that many milliseconds; rejects when the process is stopping. */
  wait: (ms: number) => Promise<void>
}>

/**
 * Writes the mail down, and only then calls it accepted. What is refused, or accepted without an
 * answer, is written down too.
 */
export async function receiveMail(deps: ReceiveMailDeps, envelope: Envelope): Promise<Verdict> {
  const luck = deps.settings.throwDice()
  await deps.wait(luck.latencyMs)

  const { messageId, from, subject, text } = parseMail(envelope.raw)
  const facts = { messageId, from: from || envelope.from, to: envelope.to }
  if (luck.refused) {
    await deps.log.append({ type: 'mail.refused', ...facts, code: 451 })
    return 'refused'
  }
  deps.store.apply(await deps.log.append({ type: 'mail.accepted', ...facts, subject, text }))
  if (!luck.silent) return 'accepted'
  await deps.log.append({ type: 'mail.unanswered', ...facts })
  return 'unanswered'
}
