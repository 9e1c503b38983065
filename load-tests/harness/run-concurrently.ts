import pMap from 'p-map'

/**
 * Does a piece of work `count` times, `concurrency` of them at a time. After the first failure no
 * other piece begins. The error is thrown only when all pieces in progress have ended, so that the
 * caller can then remove the system that they use.
 */
export async function runConcurrently(
  count: number,
  concurrency: number,
  work: (number: number) => Promise<void>,
): Promise<void> {
  const started: Promise<void>[] = []
  const start = (number: number) => {
    const one = work(number)
    started.push(one)
    return one
  }
  try {
    await pMap(Array(count).keys(), start, { concurrency })
  } finally {
    await Promise.allSettled(started)
  }
}
