import type { Deadline } from '@nightshift/runtime/process/deadline'
import { createTransport } from 'nodemailer'
import { crashpoint } from '../crash-points.ts'
import type { Mail } from '../domain/mail.ts'
import type { SendOutcome } from '../domain/sending.ts'
import { encodeSubject } from './encode-subject.ts'

export type MailLimits = {
  connectMs: number
  greetingMs: number
  /** The longest silence of the server during an attempt. */
  silenceMs: number
  connectionsMax: number
}

export type MailServer = {
  /** One attempt. It ends by the deadline, even if the server sends single bytes all the time. */
  send: (mail: Mail, deadline: Deadline) => Promise<SendOutcome>
  close: () => void
}

const from = { name: 'Nightshift', address: 'alerts@nightshift.invalid' }

/** Opens a pool of connections to one SMTP server. Each is used for many mails. */
export function openMailServer(url: string, limits: MailLimits): MailServer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: limits.connectionsMax,
    // Otherwise the library would send a mail again if its connection closes during an attempt.
    // That copy would not be counted.
    maxRequeues: 0,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.silenceMs,
    // Closing does not wait for a server that keeps its end open.
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
    send: async (mail, deadline) => {
      try {
        const signal = AbortSignal.timeout(Math.ceil(deadline.remainingMs()))
        await transport.sendMail({ ...messageOf(mail), signal })
        await crashpoint('mail.accepted')
        return { kind: 'ok', value: 'accepted' }
      } catch (error) {
        // The body is read after the server has accepted the DATA command. Before that it can't
        // have the mail. The error code can't tell the two apart, because the same codes come in
        // both cases.
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
    // An object, because a text would be parsed and might become several addresses.
    to: { name: '', address: to },
    subject: encodeSubject(subject),
    text,
    messageId,
    headers: {
      // No program should answer the mail, and a mail client may unsubscribe by one request (RFC
      // 8058).
      'Auto-Submitted': 'auto-generated',
      'List-Unsubscribe': { prepared: true, value: `<${unsubscribeUrl}>` },
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  }
}

/** In the server's own codes, 4xx is a temporary refusal and 5xx a final one (RFC 5321, 4.2.1). */
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
