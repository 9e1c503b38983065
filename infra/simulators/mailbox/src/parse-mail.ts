import PostalMime, { decodeWords } from 'postal-mime'
import { limits } from './limits.ts'

/** The mailbox shows these parts of a message. */
export type ParsedMail = Readonly<{
  messageId: string | null
  from: string
  subject: string
  text: string
}>

/**
 * Reads the shown headers and the text of a message, or the source of its HTML when it has no text.
 * It never rejects: a message that the parser refuses is shown as it came in.
 */
export async function parseMail(raw: Buffer): Promise<ParsedMail> {
  try {
    const { headers, messageId, subject, text, html } = await PostalMime.parse(raw)
    const from = headers.find(({ key }) => key === 'from')?.value ?? ''
    return {
      messageId: messageId?.slice(0, limits.headerCharsMax) ?? null,
      from: decodeWords(from).slice(0, limits.headerCharsMax),
      subject: subject?.slice(0, limits.headerCharsMax) ?? '',
      text: (text ?? html ?? '').trimEnd(),
    }
  } catch {
    return { messageId: null, from: '', subject: '', text: raw.toString('utf8') }
  }
}
