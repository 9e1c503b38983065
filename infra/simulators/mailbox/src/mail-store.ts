import type { Line } from '../../append-log.ts'
import { limits } from './limits.ts'
import type { MailAccepted, MailLogLine } from './mail-log-entry.ts'

/** The API shows a mail in this form. */
export type Mail = Readonly<{
  id: string
  messageId: string | null
  from: string
  to: readonly string[]
  subject: string
  text: string
  receivedAt: string
  /** Counts the acceptances. Above 1, the sender repeated the same mail. */
  accepted: number
}>

export type MailQuery = Readonly<{
  to: string | undefined
  /** Selects the mails after this cursor. Without it, the newest `limit` mails are selected. */
  after: number | undefined
  limit: number
}>

/** Mails are in the order of arrival, newest last. `nextAfter` is the cursor behind the last one. */
export type MailPage = Readonly<{ mails: readonly Mail[]; nextAfter: number }>

export type MailStore = Readonly<{
  /** Applies one line of the log: when it is written, and again at the next start. */
  apply: (line: MailLogLine) => void
  find: (id: string) => Mail | undefined
  list: (query: MailQuery) => MailPage
}>

type Kept = Readonly<{ line: Line<MailAccepted> }> & { accepted: number }

/** Holds the newest mails in memory, bounded in number and size. The log keeps all of them. */
export function createMailStore(): MailStore {
  /** Keys are the `seq` in the log. A Map keeps the mails oldest first. */
  const kept = new Map<number, Kept>()
  const seqOfSame = new Map<string, number>()
  let bytesKept = 0

  function accept(line: Line<MailAccepted>): void {
    const identity = identityOf(line)
    const earlier = kept.get(seqOfSame.get(identity ?? '') ?? 0)
    if (earlier !== undefined) {
      earlier.accepted += 1
      return
    }
    kept.set(line.seq, { line, accepted: 1 })
    if (identity !== undefined) seqOfSame.set(identity, line.seq)
    bytesKept += bytesOf(line)
    forgetOldest()
  }

  function forgetOldest(): void {
    for (const [seq, { line }] of kept) {
      if (kept.size <= limits.mailsMax && bytesKept <= limits.mailsBytesMax) return
      kept.delete(seq)
      seqOfSame.delete(identityOf(line) ?? '')
      bytesKept -= bytesOf(line)
    }
  }

  return {
    apply(line) {
      if (line.type === 'mail.accepted') accept(line)
    },
    find(id) {
      const found = kept.get(Number(/^mail_(\d{1,12})$/.exec(id)?.[1]))
      return found && show(found)
    },
    list({ to, after, limit }) {
      const wanted = to?.toLowerCase()
      const matching = [...kept.values()].filter(
        ({ line }) => line.seq > (after ?? 0) && (wanted === undefined || line.to.includes(wanted)),
      )
      const chosen =
        after === undefined
          ? takeWithinBounds(matching.toReversed(), limit).toReversed()
          : takeWithinBounds(matching, limit)
      return { mails: chosen.map(show), nextAfter: chosen.at(-1)?.line.seq ?? after ?? 0 }
    },
  }
}

/** Takes the first mails that fit the limit and the size of an answer, and at least one. */
function takeWithinBounds(mails: readonly Kept[], limit: number): Kept[] {
  let chars = 0
  const end = mails.findIndex(({ line }, index) => {
    chars += line.text.length
    return index === limit || (index > 0 && chars > limits.listTextMax)
  })
  return mails.slice(0, end === -1 ? mails.length : end)
}

function show({ line, accepted }: Kept): Mail {
  const { seq, at, messageId, from, to, subject, text } = line
  return { id: `mail_${seq}`, messageId, from, to, subject, text, receivedAt: at, accepted }
}

/** The memory that the texts of a mail need at most: a character is one byte or two. */
function bytesOf({ messageId, from, to, subject, text }: MailAccepted): number {
  // The recipients and the Message-ID are kept a second time, to find a repetition.
  const twice = (messageId?.length ?? 0) + to.join().length
  return 2 * (from.length + subject.length + text.length + 2 * twice)
}

/** The same Message-ID to the same recipients makes the same mail, however often it arrives. */
function identityOf({ messageId, to }: MailAccepted): string | undefined {
  return messageId === null ? undefined : JSON.stringify([messageId, to.toSorted()])
}
