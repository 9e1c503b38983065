import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server'
import { SMTPServer } from 'smtp-server'
import { limits } from './limits.ts'

/** A message as it came in, before anybody looked inside. */
export type Envelope = Readonly<{ from: string; to: readonly string[]; raw: Buffer }>

/**
 * `refused` is answered 451, which asks the sender to try again later; `unanswered` never, until
 * the sender leaves or has waited long enough to be cut off.
 */
export type Verdict = 'accepted' | 'refused' | 'unanswered'

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
  const senders = createSenders()
  const underWay = new Set<Promise<void>>()
  const server = new SMTPServer({
    banner: 'Nightshift mailbox, keeps everything and delivers nothing',
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: limits.mailBytesMax,
    maxClients: limits.clientsMax,
    socketTimeout: limits.smtpIdleMs,
    closeTimeout: limits.smtpCloseMs,
    onRcptTo(_address, { envelope }, webhook) {
      const full = envelope.rcptTo.length >= limits.recipientsMax
      webhook(full ? refusal(452, 'Too many recipients') : null)
    },
    onData(stream, session, webhook) {
      const answering = answerMail(stream, session, receive)
        .then(
          answer => (answer === 'none' ? senders.hold(session) : webhook(answer)),
          error => {
            onError(error)
            webhook(refusal(451, 'Could not be written down, try again later'))
          },
        )
        .finally(() => underWay.delete(answering))
      underWay.add(answering)
    },
  })
  server.on('error', onError)
  const listener = server.listen(port, host)
  listener.on('connection', socket => senders.add(socket))
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      // Every mail that is whole gets its own answer before all senders are told to go away.
      if (underWay.size > 0) await Promise.race([Promise.all(underWay), sleep(limits.smtpCloseMs)])
      senders.cutHeld()
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

/** The sockets behind the sessions, which the mail server itself does not show. */
function createSenders() {
  const sockets = new Map<number | undefined, Socket>()
  const held = new Set<Socket>()

  return {
    add(socket: Socket) {
      const { remotePort } = socket
      sockets.set(remotePort, socket)
      socket.once('close', () => sockets.delete(remotePort))
    },
    /** Says nothing more to this sender, and cuts it off when it does not leave by itself. */
    hold({ remotePort }: SMTPServerSession) {
      const socket = sockets.get(remotePort)
      if (socket === undefined) return
      const timer = setTimeout(() => socket.destroy(), limits.silenceMaxMs)
      held.add(socket)
      socket.once('close', () => {
        clearTimeout(timer)
        held.delete(socket)
      })
    },
    cutHeld() {
      for (const socket of held) socket.destroy()
    },
  }
}

/** Null when the mail is accepted, the refusal to answer with, or that there is no answer. */
async function answerMail(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  receive: (envelope: Envelope) => Promise<Verdict>,
): Promise<Error | null | 'none'> {
  const raw = await readAll(stream)
  if (stream.sizeExceeded) {
    return refusal(552, `Mails may have at most ${limits.mailBytesMax} bytes`)
  }
  const { mailFrom, rcptTo } = session.envelope
  const from = mailFrom === false ? '' : mailFrom.address
  const to = rcptTo.map(({ address }) => address.toLowerCase())
  const verdict = await receive({ from, to, raw })
  if (verdict === 'unanswered') return 'none'
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
