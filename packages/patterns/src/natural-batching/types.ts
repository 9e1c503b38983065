export type BatchOptions<Item, Result> = {
  /** Does all of them at once, in one transaction, and answers in their order. */
  run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** No two of a batch have the same: the second waits for the next batch. */
  keyOf: (item: Item) => string
  /** Batches under way at the same time. */
  lanesMax: number
  /** Items of one batch. */
  batchMax: number
  /** True for an error that one item causes, and with which nothing of the batch was done. */
  isErrorOfOne: (error: unknown) => boolean
  /**
   * The result of an item whose caller has no time left for it, or undefined while it has. It is asked
   * when the item leaves the queue, because a caller may have left while its item waited there.
   */
  expired: (item: Item) => Result | undefined
}

/** Turns work on many into a function for one. The promise settles when its own item is done. */
export type Batching = <Item, Result>(
  options: BatchOptions<Item, Result>,
) => (item: Item) => Promise<Result>
