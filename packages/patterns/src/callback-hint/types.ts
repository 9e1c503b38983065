/** What can be done about a callback of another party. */
export type CallbackSteps = {
  /** False if this event was taken before. */
  remember: () => Promise<boolean>
  /** Has somebody ask the other party itself, soon. */
  lookSoon: () => Promise<void>
  /** Writes down what the callback says as if it were so. */
  believe: () => Promise<void>
}

export type TakeHint = (steps: CallbackSteps) => Promise<'taken' | 'duplicate'>
