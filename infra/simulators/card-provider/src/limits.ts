/** Every bound of the card provider, with its unit. */
export const limits = {
  bodyBytesMax: 16 * 1024,
  /** Intents and refunds kept in memory; above it new requests are a 429, old ones still replay. */
  recordsMax: 200_000,
  /** Requests under way at one time. */
  runningMax: 2_000,
  /** Requests taken in and not yet executed; above it late ones are refused with 429. */
  delayedMax: 10_000,
  connectionsMax: 4_000,
  requestReadMs: 10_000,
  keepAliveMs: 65_000,
  /** How long a silent request is held when its client does not leave. */
  silenceMaxMs: 120_000,
  latencyMaxMs: 60_000,
  /** Less than the longest processing delay, which must hold after retries and a restart, too. */
  lateMaxMs: 540_000,
  /** Published: what has not been carried out so long after it came in never will be. */
  processingDelayMaxMs: 600_000,
  /** When a request with the card that is late is executed. */
  lateCardMs: 5_000,
  /** A late request whose key is in use is tried again this much later, so many times. */
  lateRetryMs: 250,
  lateTriesMax: 1_000,
  dripMaxMs: 10_000,
  /** An answer that drips is cut off after so long. */
  dripAnswerMaxMs: 120_000,
  webhookDelayMaxMs: 3_600_000,
  webhookDuplicatesMax: 10,
  webhooksInFlightMax: 20,
  webhookAttemptMs: 5_000,
  /** Doubled after each attempt, up to the most. With these, 15 attempts take 8 minutes. */
  webhookBackoffMs: 500,
  webhookBackoffMaxMs: 60_000,
  webhookTriesMax: 15,
  /** Nobody is told any more so long after the act. */
  webhookWindowMs: 7_200_000,
  /** How long an answer waits for a webhook that shall come before it. */
  webhookEarlyMaxMs: 2_000,
  /** How long a webhook waits for one to be exchanged with. */
  webhookPairWaitMs: 2_000,
  quotaPerSecondMax: 1_000,
  quotaBurstMax: 10_000,
  /** Refusals are counted this long before the count is written. */
  refusalsCountedMs: 1_000,
  /** Requests under way at SIGTERM get this long, then their sockets are cut. */
  stopGraceMs: 3_000,
  retryAfterSeconds: 1,
  listDefault: 10,
  logPageDefault: 100,
  logPageMax: 1_000,
  logPageBytesMax: 1024 * 1024,
} as const
