import { createTransport } from 'nodemailer'
import { crashpoint } from '../crash-points.ts'
import type { Mail } from '../domain/mail.ts'
import type { SendOutcome } from '../domain/sending.ts'
import { encodeSubject } from './encode-subject.ts'

export type MailLimits = {
  connectMs: number
  greetingMs: number
  /** The longest silence of the server in the middle of a conversation. */
  silenceMs: number
  /** The whole of an attempt: a server that says a little now and then is not waited for longer. */
  attemptMs: number
  connectionsMax: number
}

export type MailServer = { send: (mail: Mail) => Promise<SendOutcome>; close: () => void }

const from = { name: 'Nightshift', address: 'alerts@nightshift.invalid' }

/** A few connections to one SMTP server, each used for many mails. */
export function openMailServer(url: string, limits: MailLimits): MailServer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: limits.connectionsMax,
    // The library would send a mail again by itself when its connection closes in the middle of it.
    // That copy would not be counted.
    maxRequeues: 0,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.silenceMs,
    // A connection that is closed is closed: a server that does not close its end is not waited for.
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  /** The bodies of mails that are being sent, by Message-ID. */
  const bodies = new Map<string, { readableDidRead: boolean }>()
  transport.use('stream', ({ message, data }, done) => {
    const open = message.createReadStream.bind(message)
    message.createReadStream = options => {
      const body = open(options)
      bodies.set(String(data.messageId), body)
      return body
    }
    done()
  })
  return {
    send: async mail => {
      try {
        const signal = AbortSignal.timeout(limits.attemptMs)
        await transport.sendMail({ ...messageOf(mail), signal })
        await crashpoint('mail.accepted')
        return { kind: 'ok', value: 'accepted' }
      } catch (error) {
        // The body is read when the server has agreed to take it. Before, it can't have the mail; the
        // name of an error does not tell, because the same ones come before and after.
        return outcomeOf(error, bodies.get(mail.messageId)?.readableDidRead ?? false)
      } finally {
        bodies.delete(mail.messageId)
      }
    },
    close: () => transport.close({ force: true }),
  }
}

function messageOf({ to, subject, text, messageId, unsubscribeUrl }: Mail) {
  return {
    from,
    // As an object: text would be parsed, and might be read as more than one address.
    to: { name: '', address: to },
    subject: encodeSubject(subject),
    text,
    messageId,
    headers: {
      // No program is to answer it, and a mailbox may offer to end it with one request (RFC 8058).
      'Auto-Submitted': 'auto-generated',
      'List-Unsubscribe': { prepared: true, value: `<${unsubscribeUrl}>` },
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  }
}

/** By the server's own code where there is one: 4xx is "not now", 5xx is "never" (RFC 5321, 4.2.1). */
function outcomeOf(cause: unknown, bodyWasRead: boolean): SendOutcome {
  const { responseCode } = cause as { responseCode?: number }
  if (responseCode !== undefined && responseCode >= 500) {
    return { kind: 'rejected', reason: 'refused' }
  }
  if (responseCode !== undefined && responseCode >= 400) {
    return { kind: 'shed', retryAfterMs: 1_000 }
  }
  return bodyWasRead ? { kind: 'unknown', cause } : { kind: 'not-sent', cause }
}
