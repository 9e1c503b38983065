import type { Line } from '../../append-log.ts'
import type { FaultSettings } from './fault-settings.ts'

/** Every entry about a mail carries these facts. */
export type MailFacts = Readonly<{
  /** This is null when the sender gave none. Such a mail never counts as a repetition. */
  messageId: string | null
  from: string
  /** These are the recipients of the envelope, to which a real server would deliver. */
  to: readonly string[]
}>

/** A mail was accepted. A mail that is sent twice has two of these entries. */
export type MailAccepted = MailFacts &
  Readonly<{ type: 'mail.accepted'; subject: string; text: string }>

/** The setting `refuseRate` refused this mail. */
type MailRefused = MailFacts & Readonly<{ type: 'mail.refused'; code: 451 | 550 }>

/** The mail was accepted, and the setting `silence` left its sender without an answer. */
type MailUnanswered = MailFacts & Readonly<{ type: 'mail.unanswered' }>

type SettingsChanged = Readonly<{
  type: 'settings.changed'
  /** `restart`: an earlier process ended with other settings, and the defaults are back. */
  cause: 'patch' | 'restart'
  settings: FaultSettings
}>

export type MailLogEntry = MailAccepted | MailRefused | MailUnanswered | SettingsChanged
export type MailLogLine = Line<MailLogEntry>
