/** What the provider publishes about how long it remembers, and how long it may take. */
export type ProviderRules = {
  /** For so long the same request under the same key is a question, and no second order. */
  keyWindowMs: number
  /** So much sooner we stop to rely on it. */
  keyMarginMs: number
}

/** How the provider may be asked about what it was first asked for some time ago. */
export type RetryMode =
  /** The same request under the same key: it does it, or says what it did. */
  | 'same_key'
  /**
   * It may have forgotten the key, and would do it twice: it is only looked for. That nobody finds
   * it says nothing while the last request may still be on its way there.
   */
  | 'look_up'
  /** What is not found by now was never done, and never will be. */
  | 'look_up_for_good'

/**
 * By the age of what is asked about, because no request under its key is older than itself. The
 * margin is longer than a request can be under way, so that when the window ends none is.
 */
export function retryModeOf(ageMs: number, { keyWindowMs, keyMarginMs }: ProviderRules): RetryMode {
  if (ageMs < keyWindowMs - keyMarginMs) return 'same_key'
  return ageMs < keyWindowMs ? 'look_up' : 'look_up_for_good'
}
