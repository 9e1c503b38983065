import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server'
import { SMTPServer } from 'smtp-server'
import { limits } from './limits.ts'

/** A message as it came in, before anybody looked inside. */
export type Envelope = Readonly<{ from: string; to: readonly string[]; raw: Buffer }>

/** `refused` is answered 451, which asks the sender to try again later. */
export type Verdict = 'accepted' | 'refused'

export type Smtp = Readonly<{ port: number; close: () => Promise<void> }>

/**
 * Listens for mail from anybody, without a password or TLS: it is reachable from this machine only.
 * The 250 is sent after `receive` resolves; when it rejects the sender is told 451, and may retry.
 */
export async function openSmtp(
  host: string,
  port: number,
  receive: (envelope: Envelope) => Promise<Verdict>,
  onError: (error: Error) => void,
): Promise<Smtp> {
  const server = new SMTPServer({
    banner: 'Nightshift mailbox, keeps everything and delivers nothing',
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: limits.mailBytesMax,
    maxClients: limits.clientsMax,
    socketTimeout: limits.smtpIdleMs,
    closeTimeout: limits.smtpCloseMs,
    onRcptTo(_address, { envelope }, callback) {
      const full = envelope.rcptTo.length >= limits.recipientsMax
      callback(full ? refusal(452, 'Too many recipients') : null)
    },
    onData(stream, session, callback) {
      answerMail(stream, session, receive).then(
        refused => callback(refused),
        error => {
          onError(error)
          callback(refusal(451, 'Could not be written down, try again later'))
        },
      )
    },
  })
  server.on('error', onError)
  const listener = server.listen(port, host)
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

/** Null when the mail is accepted, otherwise the refusal to answer with. */
async function answerMail(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  receive: (envelope: Envelope) => Promise<Verdict>,
): Promise<Error | null> {
  const raw = await readAll(stream)
  if (stream.sizeExceeded) {
    return refusal(552, `Mails may have at most ${limits.mailBytesMax} bytes`)
  }
  const { mailFrom, rcptTo } = session.envelope
  const from = mailFrom === false ? '' : mailFrom.address
  const to = rcptTo.map(({ address }) => address.toLowerCase())
  const verdict = await receive({ from, to, raw })
  return verdict === 'accepted' ? null : refusal(451, 'Greylisted, try again later')
}

/** Reads to the end, because the answer comes after it, but keeps no more than the limit. */
async function readAll(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) {
    if (!stream.sizeExceeded) chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}
