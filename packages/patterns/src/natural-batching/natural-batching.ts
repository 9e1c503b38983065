/**
 * Fault:    more requests come at once than the database can commit one by one.
 * Without:  load-tests/results/bench-payments.json (payments per second); the code is `naive.ts`.
 * With:     what waits for a connection goes into one statement and one commit.
 * Switch:   PATTERN_NATURAL_BATCHING=naive
 */
import type { Batching, BatchOptions } from './types.ts'

type Waiting<Item, Result> = {
  item: Item
  resolve: (result: Result) => void
  reject: (error: unknown) => void
}

/**
 * A queue without a timer (group commit, in the application): while a lane is free, whatever comes
 * goes out at once and alone; while all are busy, what comes waits, and the next free lane takes all
 * of it. The size of a batch follows the load by itself, and nobody waits for company.
 *
 * The queue is bounded by its callers: each of them waits for its own item.
 */
export const naturalBatching: Batching = options => {
  type Item = Parameters<typeof options.keyOf>[0]
  type Result = Awaited<ReturnType<typeof options.run>>[number]
  const waiting: Waiting<Item, Result>[] = []
  let lanes = 0

  function startLanes(): void {
    while (lanes < options.lanesMax && waiting.length > 0) {
      lanes += 1
      void runBatch(options, takeBatch(waiting, options)).finally(() => {
        lanes -= 1
        startLanes()
      })
    }
  }

  return item =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject })
      startLanes()
    })
}

/**
 * Takes the oldest items, at most one per key; the rest stay queued. An item that has expired in the
 * queue is answered without being done: nobody would use its result.
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

/** Never rejects: each item hears of its own end. */
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
    // One of them spoils it for the others. Each by itself, only that one fails.
    for (const one of batch) await runBatch(options, [one])
  }
}
