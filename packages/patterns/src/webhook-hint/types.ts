/** What can be done about a webhook of another party. */
export type WebhookSteps = {
  /**
   * Has somebody ask the other party itself, soon, and remembers the event: both or neither, or a
   * death between them would lose the hint. False if this event was taken before.
   */
  lookOnce: () => Promise<boolean>
  /** Writes down what the webhook says as if it were so. */
  believe: () => Promise<void>
}

export type TakeHint = (steps: WebhookSteps) => Promise<'taken' | 'duplicate'>
