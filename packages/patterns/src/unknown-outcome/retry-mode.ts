/** How long a provider remembers an idempotency key, as it documents. */
export type ProviderRules = {
  /**
   * For this long, a request with the same key has no new effect: it gets the first answer again.
   */
  keyWindowMs: number
  /** How much earlier we stop relying on the key. */
  keyMarginMs: number
}

/** How to ask the provider about a request that was first sent some time ago. */
export type RetryMode =
  /** Send the same request with the same key: the provider carries it out or repeats its answer. */
  | 'same_key'
  /**
   * Only search. The provider may have forgotten the key, and would carry the request out twice. An
   * empty result proves nothing while the last request may still be on its way.
   */
  | 'look_up'
  /**
   * Search once more. A request that is not found by now was never carried out, and never will be.
   */
  | 'look_up_for_good'

/**
 * Decides by the age of the payment or refund, because no request about it can be older. The margin
 * is longer than a request can be on its way. So none is on its way when the window ends.
 * @param ageMs by the clock of the database, which may be ahead of ours
 */
export function retryModeOf(ageMs: number, { keyWindowMs, keyMarginMs }: ProviderRules): RetryMode {
  if (ageMs < keyWindowMs - keyMarginMs) return 'same_key'
  return ageMs < keyWindowMs ? 'look_up' : 'look_up_for_good'
}
