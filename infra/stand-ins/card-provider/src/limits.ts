/** Every bound of the card provider, with its unit. */
export const limits = {
  bodyBytesMax: 16 * 1024,
  /** Charges kept in memory; above it new ones are refused with 429, old ones still replay. */
  intentsMax: 200_000,
  /** Charges under way at one time. */
  runningMax: 2_000,
  connectionsMax: 4_000,
  requestReadMs: 10_000,
  keepAliveMs: 65_000,
  /** How long a silent request is held when its client does not leave. */
  silenceMaxMs: 120_000,
  latencyMaxMs: 60_000,
  /** Requests under way at SIGTERM get this long, then their sockets are cut. */
  stopGraceMs: 3_000,
  retryAfterSeconds: 1,
  intentListDefault: 10,
  intentListMax: 100,
  truthPageDefault: 100,
  truthPageMax: 1_000,
  truthPageBytesMax: 1024 * 1024,
} as const
