/** Runs what concerns the same thing one after the other, and all else side by side. */
export type Turns = <Answer>(of: string, run: () => Promise<Answer>) => Promise<Answer>

/** As many may wait as the caller lets. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<void>>()

  return async (of, run) => {
    const before = last.get(of)
    const { promise, resolve } = Promise.withResolvers<void>()
    last.set(of, promise)
    try {
      await before
      return await run()
    } finally {
      resolve()
      if (last.get(of) === promise) last.delete(of)
    }
  }
}
