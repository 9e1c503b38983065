/** Runs what it is given, at most `max` at one time; the rest wait their turn, as many as the caller lets. */
export function createGate(max: number): <Answer>(run: () => Promise<Answer>) => Promise<Answer> {
  let free = max
  const waiting: (() => void)[] = []

  return async run => {
    if (free > 0) free -= 1
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
