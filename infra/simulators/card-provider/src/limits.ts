/** Lists every bound of the card provider, with its unit. */
export const limits = {
  bodyBytesMax: 16 * 1024,
  /**
   * So many intents and refunds are in memory. When there are more, settled ones are forgotten, but none
   * whose key is still known, and none in this time, in which webhooks are sent and callers reconcile.
   * If that makes no room, new requests get a 429, and stored answers replay.
   */
  recordsMax: 200_000,
  settledKeptMs: 7_200_000,
  runningMax: 2_000,
  /** Above this many waiting delayed requests further ones get a 429. */
  delayedMax: 10_000,
  connectionsMax: 4_000,
  requestReadMs: 10_000,
  keepAliveMs: 65_000,
  /** An unanswered client is disconnected after this time. */
  silenceMaxMs: 120_000,
  latencyMaxMs: 60_000,
  /** This is below the longest processing delay, which must hold after retries and a restart. */
  lateMaxMs: 540_000,
  /** The rules promise that a request is carried out within this time or never. */
  processingDelayMaxMs: 600_000,
  /** The card `pm_card_late` delays its request by this much. */
  lateCardMs: 5_000,
  /** A delayed request whose key is in use is tried again after this time, so many times. */
  lateRetryMs: 250,
  lateTriesMax: 1_000,
  dripMaxMs: 10_000,
  /** A dripping answer is cut off after this time. */
  dripAnswerMaxMs: 120_000,
  webhookDelayMaxMs: 3_600_000,
  webhookDuplicatesMax: 10,
  webhooksInFlightMax: 20,
  webhookAttemptMs: 5_000,
  /** The pause doubles after each attempt, up to a maximum. 15 attempts take 8 minutes. */
  webhookBackoffMs: 500,
  webhookBackoffMaxMs: 60_000,
  webhookTriesMax: 15,
  /** A webhook is abandoned this long after its operation. */
  webhookWindowMs: 7_200_000,
  /** An answer waits this long for a webhook that must come before it. */
  webhookEarlyMaxMs: 2_000,
  /** A webhook waits this long for another one to change places with. */
  webhookPairWaitMs: 2_000,
  quotaPerSecondMax: 1_000,
  quotaBurstMax: 10_000,
  /** Refusals are counted this long before their count is written. */
  refusalsCountedMs: 1_000,
  /** Requests under way at SIGTERM get this long, then their sockets are closed. */
  stopGraceMs: 3_000,
  retryAfterSeconds: 1,
  listDefault: 10,
  logPageDefault: 100,
  logPageMax: 1_000,
  logPageBytesMax: 1024 * 1024,
} as const
