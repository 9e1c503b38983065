import type { AppendLog } from '../../append-log.ts'
import type { Settings } from './fault-settings.ts'
import type { MailLogEntry } from './mail-log-entry.ts'
import type { MailStore } from './mail-store.ts'
import { parseMail } from './parse-mail.ts'
import type { Envelope, MailOutcome } from './smtp.ts'

/** Replies of RFC 5321, section 4.2.3: 4yz asks to try again later, 5yz never to. */
const refusalCodes = { now: 451, good: 550 } as const

export type ReceiveMailDeps = Readonly<{
  settings: Settings
  log: AppendLog<MailLogEntry>
  store: MailStore
  /** Waits that many milliseconds. Rejects when the process is stopping. */
  wait: (ms: number) => Promise<void>
}>

/**
 * Writes the mail into the log before it counts as accepted. A refused mail, and an accepted one
 * that gets no answer, are written as well.
 */
export async function receiveMail(deps: ReceiveMailDeps, envelope: Envelope): Promise<MailOutcome> {
  const faults = deps.settings.drawFaults()
  await deps.wait(faults.latencyMs)

  const { messageId, from, subject, text } = await parseMail(envelope.raw)
  const facts = { messageId, from: from || envelope.from, to: envelope.to }
  if (faults.refusedFor !== undefined) {
    const code = refusalCodes[faults.refusedFor]
    await deps.log.append({ type: 'mail.refused', ...facts, code })
    return code === 451 ? 'refused' : 'refused-for-good'
  }
  deps.store.apply(await deps.log.append({ type: 'mail.accepted', ...facts, subject, text }))
  if (!faults.silent) return 'accepted'
  await deps.log.append({ type: 'mail.unanswered', ...facts })
  return 'unanswered'
}
