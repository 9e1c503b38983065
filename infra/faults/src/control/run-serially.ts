export type RunSerially = <Answer>(work: () => Promise<Answer>) => Promise<Answer>

/** Runs one piece of work after the other, in the order they were handed over. */
export function createSerialRunner(): RunSerially {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const running = last.then(work)
    // Whoever handed this work over hears of its failure; the next one starts all the same.
    last = running.catch(() => undefined)
    return running
  }
}
