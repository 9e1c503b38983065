/** The two ways to react to a webhook. */
export type WebhookSteps = {
  /**
   * Records the event and makes its subject due for a check, in one statement. If a crash could
   * separate the two, a hint could be lost. False if this event was recorded before.
   */
  recordOnce: () => Promise<boolean>
  /** Changes our state to what the event says. Only the naive version does this. */
  apply: () => Promise<void>
}

export type ReceiveWebhook = (steps: WebhookSteps) => Promise<'recorded' | 'duplicate'>
