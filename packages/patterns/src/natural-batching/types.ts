export type BatchOptions<Item, Result> = {
  /** Runs all of them in one transaction, and answers in their order. */
  run: (items: readonly Item[]) => Promise<readonly Result[]>
  /** Two items of one key never share a batch: the second waits for the next one. */
  keyOf: (item: Item) => string
  /** Batches that run at the same time. */
  workersMax: number
  /** Items of one batch. */
  batchMax: number
  /** True for an error that one item caused, when nothing of the batch was done. */
  isErrorOfOne: (error: unknown) => boolean
  /**
   * The result of an item whose caller has no time left, or undefined while it has. It is called when
   * the item leaves the queue, because a caller may leave while its item waits there.
   */
  expired: (item: Item) => Result | undefined
}

/** Turns work on many items into a function for one. The promise settles when its item is done. */
export type Batching = <Item, Result>(
  options: BatchOptions<Item, Result>,
) => (item: Item) => Promise<Result>
