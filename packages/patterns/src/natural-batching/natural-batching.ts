/**
 * Fault:    more requests come at once than the database can commit one by one.
 * Without:  load-tests/results/bench-payments.json (payments per second); the code is `naive.ts`.
 * With:     the requests that wait for a commit share the next one.
 * Switch:   PATTERN_NATURAL_BATCHING=naive
 */
import type { Batching, BatchOptions } from './types.ts'

type Waiting<Item, Result> = {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * A queue without a timer (group commit, in the application). While a worker is free, an item is run
 * at once and alone. While all are busy, items wait, and the next free worker takes all of them. The
 * size of a batch follows the load by itself, and no item waits for others to come.
 *
 * The queue is bounded by its callers: each of them waits for its own item.
 */
export const naturalBatching: Batching = options => {
  type Item = Parameters<typeof options.keyOf>[0]
  type Result = Awaited<ReturnType<typeof options.run>>[number]
  const waiting: Waiting<Item, Result>[] = []
  let busy = 0

  function startWorkers(): void {
    while (busy < options.workersMax && waiting.length > 0) {
      busy += 1
      void runBatch(options, takeBatch(waiting, options)).finally(() => {
        busy -= 1
        startWorkers()
      })
    }
  }

  return item =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      startWorkers()
    })
}

/**
 * Takes the oldest items, at most one per key; the rest stay queued. An item that has expired in the
 * queue is answered without being run: its caller has left.
 */
function takeBatch<Item, Result>(
  waiting: Waiting<Item, Result>[],
  { keyOf, batchMax, expired }: BatchOptions<Item, Result>,
): Waiting<Item, Result>[] {
  const batch = new Map<string, Waiting<Item, Result>>()
  const rest: Waiting<Item, Result>[] = []
  for (const one of waiting) {
    const late = expired(one.item)
    const key = keyOf(one.item)
    if (late !== undefined) one.resolve(late)
    else if (batch.size < batchMax && !batch.has(key)) batch.set(key, one)
    else rest.push(one)
  }
  waiting.splice(0, waiting.length, ...rest)
  return [...batch.values()]
}

/** Never rejects: each item has a promise of its own. */
async function runBatch<Item, Result>(
  options: BatchOptions<Item, Result>,
  batch: readonly Waiting<Item, Result>[],
): Promise<void> {
  if (batch.length === 0) return
  try {
    const results = await options.run(batch.map(({ item }) => item))
    batch.forEach(({ resolve }, at) => {
      resolve(results[at] as Result)
    })
  } catch (error) {
    if (batch.length === 1 || !options.isErrorOfOne(error)) {
      for (const { reject } of batch) reject(error)
      return
    }
    // One item failed the whole batch. Run one by one, only that item fails.
    for (const one of batch) await runBatch(options, [one])
  }
}
