/** What can be done about a webhook. */
export type WebhookSteps = {
  /**
   * Records the event, and has its subject checked soon: both or neither, or a death between them
   * would lose the hint. False if this event was recorded before.
   */
  recordOnce: () => Promise<boolean>
  /** Changes our state to what the event says. Only the naive version does this. */
  apply: () => Promise<void>
}

export type ReceiveWebhook = (steps: WebhookSteps) => Promise<'recorded' | 'duplicate'>
