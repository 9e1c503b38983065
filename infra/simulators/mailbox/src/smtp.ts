import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server'
import { SMTPServer } from 'smtp-server'
import { limits } from './limits.ts'

/** Holds a message as it came in, before it is parsed. */
export type Envelope = Readonly<{ from: string; to: readonly string[]; raw: Buffer }>

/**
 * A `refused` mail is answered 451, which asks the sender to try again later, and one that is
 * `refused-for-good` 550. An `unanswered` one
 * gets no answer until its sender leaves, or is disconnected after a time limit.
 */
export type MailOutcome = 'accepted' | 'refused' | 'refused-for-good' | 'unanswered'

export type Smtp = Readonly<{ port: number; close: () => Promise<void> }>

/**
 * Accepts mail without a password or TLS, because only this machine can reach it. The 250 is sent
 * after `receive` resolves. When `receive` rejects, the sender gets a 451 and can retry.
 */
export async function openSmtp(
  host: string,
  port: number,
  receive: (envelope: Envelope) => Promise<MailOutcome>,
  onError: (error: Error) => void,
): Promise<Smtp> {
  const senders = createSenders()
  const running = new Set<Promise<void>>()
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
      const answering = answerMail(stream, session, receive)
        .then(
          answer => (answer === 'none' ? senders.leaveUnanswered(session) : callback(answer)),
          error => {
            onError(error)
            callback(refusal(451, 'The mail could not be stored, try again later'))
          },
        )
        .finally(() => running.delete(answering))
      running.add(answering)
    },
  })
  server.on('error', onError)
  const listener = server.listen(port, host)
  listener.on('connection', socket => senders.add(socket))
  await once(listener, 'listening')
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      // Every mail that was received in full gets its answer before all senders are disconnected.
      if (running.size > 0) await Promise.race([Promise.all(running), sleep(limits.smtpCloseMs)])
      senders.disconnectUnanswered()
      await new Promise<void>(resolve => server.close(() => resolve()))
    },
  }
}

/** Keeps the sockets of the sessions, because the mail server does not expose them. */
function createSenders() {
  const sockets = new Map<number | undefined, Socket>()
  const unanswered = new Set<Socket>()

  return {
    add(socket: Socket) {
      const { remotePort } = socket
      sockets.set(remotePort, socket)
      socket.once('close', () => sockets.delete(remotePort))
    },
    /** Sends nothing more to this sender, and disconnects it when it does not leave by itself. */
    leaveUnanswered({ remotePort }: SMTPServerSession) {
      const socket = sockets.get(remotePort)
      if (socket === undefined) return
      const timer = setTimeout(() => socket.destroy(), limits.silenceMaxMs)
      unanswered.add(socket)
      socket.once('close', () => {
        clearTimeout(timer)
        unanswered.delete(socket)
      })
    },
    disconnectUnanswered() {
      for (const socket of unanswered) socket.destroy()
    },
  }
}

/** Answers null for an accepted mail, the error of a refusal, or `none` when no answer is sent. */
async function answerMail(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  receive: (envelope: Envelope) => Promise<MailOutcome>,
): Promise<Error | null | 'none'> {
  const raw = await readAll(stream)
  if (stream.sizeExceeded) {
    return refusal(552, `Mails may have at most ${limits.mailBytesMax} bytes`)
  }
  const { mailFrom, rcptTo } = session.envelope
  const from = mailFrom === false ? '' : mailFrom.address
  const to = rcptTo.map(({ address }) => address.toLowerCase())
  const outcome = await receive({ from, to, raw })
  if (outcome === 'unanswered') return 'none'
  if (outcome === 'accepted') return null
  return outcome === 'refused'
    ? refusal(451, 'Greylisted, try again later')
    : refusal(550, 'The sender is blocked')
}

/** Reads to the end, because the answer comes after it, but stores no more than the limit. */
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
