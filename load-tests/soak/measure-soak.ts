import { setTimeout as sleep } from 'node:timers/promises'
import { type Figures, round } from '../reporting/figures.ts'
import type { Summary } from '../scenarios/summary.ts'
import { type Growth, growthOf, paymentsIn } from './growth.ts'
import { type Sample, type Sampled, takeSample } from './sample.ts'

/** Samples of a run: before it, after half of its time, and at its end. */
export type SoakSamples = Readonly<{ before: Sample; half: Sample; after: Sample }>

/**
 * Takes the samples around a run and in the middle of it.
 * @param seconds how long the run takes
 * @throws when the run ends before its half
 */
export async function sampleAround<T>(
  sampled: Sampled,
  seconds: number,
  run: () => Promise<T>,
): Promise<{ samples: SoakSamples; result: T }> {
  const before = await takeSample(sampled)
  const over = new AbortController()
  const halfway = sleep((seconds * 1_000) / 2, undefined, { signal: over.signal }).then(
    () => takeSample(sampled),
    () => undefined, // the run is over
  )
  halfway.catch(() => undefined) // it is awaited after the run; until then it must not be unhandled
  const result = await run().finally(() => over.abort())
  const half = await halfway
  if (half === undefined) throw new Error('The run ended before its half: nothing can be compared.')
  return { samples: { before, half, after: await takeSample(sampled) }, result }
}

/**
 * The figures of a soak, by name, and the growth of each table. A process that was not running at a
 * sample has no figure for it.
 * @throws when no answer was measured, or no payment was made in the second half
 */
export function soakFigures(
  { before, half, after }: SoakSamples,
  summary: Summary,
): { figures: Figures; tables: Growth[] } {
  const { p99 } = summary.fromIntendedStartMs ?? {}
  if (p99 === undefined) throw new Error('The run has no p99: no answer was measured.')
  const tables = growthOf({ before, half, after })
  const { business = [], passing = [] } = Object.groupBy(tables, ({ keptDays }) =>
    keptDays === undefined ? 'business' : 'passing',
  )
  const figures: Record<string, number> = {
    payments: paymentsIn(after) - paymentsIn(before),
    goodShare: round(summary.good / summary.offered),
    p99Ms: p99,
    businessBytesPerPayment: bytesPerPayment(business),
    passingBytesPerPayment: bytesPerPayment(passing),
  }
  for (const [name, atHalf] of Object.entries(half.memoryMiB)) {
    figures[`${name}MiBAtHalf`] = atHalf
    const atEnd = after.memoryMiB[name]
    if (atEnd !== undefined) figures[`${name}MiBAtEnd`] = atEnd
  }
  return { figures, tables }
}

function bytesPerPayment(tables: readonly Growth[]): number {
  const perThousand = tables.reduce((sum, growth) => sum + growth.bytesPerThousandPayments, 0)
  return Math.round(perThousand / 1_000)
}
