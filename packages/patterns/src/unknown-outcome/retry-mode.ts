/** What a provider publishes about how long it remembers an idempotency key. */
export type ProviderRules = {
  /** For this long, the same request under the same key repeats the first one instead of a new order. */
  keyWindowMs: number
  /** How much earlier we stop relying on that. */
  keyMarginMs: number
}

/** How the provider may be asked about a request that was first made some time ago. */
export type RetryMode =
  /** The same request under the same key: the provider does it, or repeats what it answered. */
  | 'same_key'
  /**
   * The provider may have forgotten the key and would do it twice, so we only search for it. An empty
   * search proves nothing while the last request may still be on its way.
   */
  | 'look_up'
  /** What a search does not find by now was never done, and never will be. */
  | 'look_up_for_good'

/**
 * Decides by the age of the payment or refund: no request for it can be older. The margin is longer
 * than a request can be on its way, so when the window ends none is.
 * @param ageMs by the clock of the database, which may be ahead of ours
 */
export function retryModeOf(ageMs: number, { keyWindowMs, keyMarginMs }: ProviderRules): RetryMode {
  if (ageMs < keyWindowMs - keyMarginMs) return 'same_key'
  return ageMs < keyWindowMs ? 'look_up' : 'look_up_for_good'
}
