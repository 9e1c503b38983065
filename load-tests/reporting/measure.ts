/**
 * Works through `count` intents, `concurrency` at a time. After the first that fails no other is
 * begun, and its error is thrown when those in progress have ended: nothing of them goes on while the
 * caller takes the system down.
 */
export async function runIntents(
  count: number,
  concurrency: number,
  intent: (number: number) => Promise<void>,
): Promise<void> {
  const numbers = Array.from({ length: count }, (_unused, number) => number).values()
  let isOver = false
  const worker = async () => {
    for (const number of numbers) {
      if (isOver) return
      await intent(number).catch((error: unknown) => {
        isOver = true
        throw error
      })
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: concurrency }, worker))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
}

export function perHundred(part: number, whole: number): number {
  return whole === 0 ? 0 : round((part / whole) * 100)
}

export function perTenThousand(part: number, whole: number): number {
  return whole === 0 ? 0 : round((part / whole) * 10_000)
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN
  return round((lower + upper) / 2)
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
