import { decodeBase64, decodeCharset, decodeQuotedPrintable } from './decode-text.ts'
import { decodeWords } from './decode-words.ts'
import { limits } from './limits.ts'

/** What the mailbox reads from a message. Everything else in it is left alone. */
export type ParsedMail = Readonly<{
  messageId: string | null
  from: string
  subject: string
  text: string
}>

type Part = Readonly<{ headers: ReadonlyMap<string, string>; body: string }>

/**
 * Reads the few headers that are shown and the text of a message: its text/plain part, or the
 * source of its HTML when it has no other. Never throws; a strange message gives strange text.
 */
export function parseMail(raw: Buffer): ParsedMail {
  // One character for each byte, so that a part can be decoded in its own charset later.
  const message = splitPart(raw.toString('latin1'))
  return {
    messageId: message.headers.get('message-id') || null,
    from: readHeader(message, 'from'),
    subject: readHeader(message, 'subject'),
    text: findText(message).replaceAll('\r\n', '\n').trimEnd(),
  }
}

function splitPart(source: string): Part {
  const blank = /(?:^|\r?\n)\r?\n/.exec(source)
  const head = source.slice(0, blank?.index)
  const body = blank === null ? '' : source.slice(blank.index + blank[0].length)
  const headers = new Map<string, string>()
  for (const line of head.replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase()
    const value = line.slice(colon + 1, colon + 1 + limits.headerCharsMax).trim()
    if (name !== '' && !headers.has(name)) headers.set(name, value)
  }
  return { headers, body }
}

/** A header for people: raw bytes are UTF-8 (SMTPUTF8), encoded words are decoded. */
function readHeader(part: Part, name: string): string {
  const bytes = Buffer.from(part.headers.get(name) ?? '', 'latin1')
  return decodeWords(decodeCharset(bytes, 'utf-8'))
}

function findText(message: Part): string {
  const leaves = leavesOf(message, 0).slice(0, limits.partsMax)
  const plain = leaves.find(leaf => contentType(leaf).startsWith('text/plain'))
  const chosen = plain ?? leaves.find(leaf => contentType(leaf).startsWith('text/'))
  return chosen === undefined ? '' : decodeBody(chosen)
}

/** The parts that hold content, in order. Attachments are not part of what a person reads. */
function leavesOf(part: Part, depth: number): Part[] {
  if (part.headers.get('content-disposition')?.toLowerCase().startsWith('attachment')) return []
  if (!contentType(part).startsWith('multipart/')) return [part]
  const boundary = parameter(part, 'boundary')
  if (boundary === undefined || depth >= limits.partDepthMax) return []
  return `\n${part.body}`
    .split(`\n--${boundary}`)
    .slice(1, limits.partsMax + 1)
    .filter(section => !section.startsWith('--'))
    .flatMap(section => leavesOf(splitPart(section.replace(/^[ \t]*\r?\n/, '')), depth + 1))
}

function decodeBody(part: Part): string {
  const encoding = part.headers.get('content-transfer-encoding')?.toLowerCase()
  const charset = parameter(part, 'charset') ?? 'utf-8'
  if (encoding === 'base64') return decodeCharset(decodeBase64(part.body), charset)
  if (encoding === 'quoted-printable') {
    return decodeCharset(decodeQuotedPrintable(part.body), charset)
  }
  return decodeCharset(Buffer.from(part.body, 'latin1'), charset)
}

/** Without a content type a part is plain text (RFC 2045). */
function contentType(part: Part): string {
  return (part.headers.get('content-type') ?? 'text/plain').toLowerCase()
}

function parameter(part: Part, name: string): string | undefined {
  const pattern = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^\\s;]+))`, 'i')
  const match = pattern.exec(part.headers.get('content-type') ?? '')
  return match?.[1] ?? match?.[2]
}
