import { crashpoint } from '@nightshift/runtime/crashpoint'
import { createTransport } from 'nodemailer'
import type { Mail } from '../domain/mail.ts'
import type { SendOutcome } from '../domain/sending.ts'

export type MailLimits = {
  connectMs: number
  greetingMs: number
  /** The longest silence of the server in the middle of a conversation. */
  silenceMs: number
  connectionsMax: number
}

export type MailServer = { send: (mail: Mail) => Promise<SendOutcome>; close: () => void }

const from = 'Nightshift <alerts@nightshift.invalid>'

/** A few connections to one SMTP server, each used for many mails. */
export function openMailServer(url: string, limits: MailLimits): MailServer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: limits.connectionsMax,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    send: async mail => {
      try {
        await transport.sendMail({ from, ...mail })
        await crashpoint('mail.accepted')
        return { kind: 'ok', value: 'accepted' }
      } catch (error) {
        return outcomeOf(error)
      }
    },
    close: () => transport.close(),
  }
}

/** By the server's own code where there is one: 4xx is "not now", 5xx is "never" (RFC 5321, 4.2.1). */
function outcomeOf(error: unknown): SendOutcome {
  const { responseCode, code } = error as { responseCode?: number; code?: string }
  if (responseCode !== undefined && responseCode >= 500) {
    return { kind: 'rejected', reason: 'refused' }
  }
  if (responseCode !== undefined && responseCode >= 400)
    return { kind: 'shed', retryAfterMs: 1_000 }
  if (code === 'ECONNECTION' || code === 'ECONNREFUSED' || code === 'EDNS') {
    return { kind: 'not-sent', cause: error }
  }
  return { kind: 'unknown', cause: error }
}
