import type { Line } from '../../append-log.ts'
import type { FaultSettings } from './fault-settings.ts'

/** One acceptance of a mail. A mail sent twice gives two of these. */
export type MailAccepted = Readonly<{
  type: 'mail.accepted'
  /** Null when the sender gave none; such a mail is never taken for a repetition. */
  messageId: string | null
  from: string
  /** Whom the envelope named, which is where a real server would deliver. */
  to: readonly string[]
  subject: string
  text: string
}>

/** A mail the refusal setting turned away with a 451. */
export type MailRefused = Readonly<{
  type: 'mail.refused'
  messageId: string | null
  from: string
  to: readonly string[]
  code: 451
}>

/** An accepted mail whose sender the silence setting left without an answer. */
export type MailUnanswered = Readonly<{
  type: 'mail.unanswered'
  messageId: string | null
  from: string
  to: readonly string[]
}>

export type SettingsChanged = Readonly<{
  type: 'settings.changed'
  /** `restart`: the settings stood elsewhere when the process ended and are back at rest. */
  cause: 'patch' | 'restart'
  settings: FaultSettings
}>

export type MailEntry = MailAccepted | MailRefused | MailUnanswered | SettingsChanged
export type MailLine = Line<MailEntry>
