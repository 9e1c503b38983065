/** Lists every bound of the mailbox, with its unit. */
export const limits = {
  mailBytesMax: 256 * 1024,
  recipientsMax: 50,
  /** Longer sender names, subjects and Message-IDs are cut. */
  headerCharsMax: 8 * 1024,
  /** Older mails than these leave the memory and stay in the log. */
  mailsMax: 5_000,
  mailsBytesMax: 64 * 1024 * 1024,
  clientsMax: 200,
  smtpIdleMs: 30_000,
  /** Mail sessions at SIGTERM get this long, and an idle one uses all of it. */
  smtpCloseMs: 500,
  /** An unanswered sender is disconnected after this time. */
  silenceMaxMs: 120_000,
  bodyBytesMax: 16 * 1024,
  connectionsMax: 500,
  requestReadMs: 10_000,
  keepAliveMs: 65_000,
  latencyMaxMs: 60_000,
  /** HTTP requests under way at SIGTERM get this long, then their sockets are closed. */
  stopGraceMs: 3_000,
  listDefault: 100,
  listMax: 1_000,
  listTextMax: 4 * 1024 * 1024,
} as const
