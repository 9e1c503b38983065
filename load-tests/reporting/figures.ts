/** The measurements of one round, by name. */
export type Figures = Readonly<Record<string, number>>

/** The rounds of one arm, with the median, the least and the most of each figure. */
export type Spread = Readonly<{
  rounds: readonly Figures[]
  median: Figures
  range: Readonly<Record<string, readonly [least: number, most: number]>>
}>

/** The first round decides which figures there are; a figure that a later round lacks counts as 0. */
export function spreadOf(rounds: readonly Figures[]): Spread {
  const names = Object.keys(rounds[0] ?? {})
  const valuesOf = (name: string) => rounds.map(figures => figures[name] ?? 0)
  return {
    rounds,
    median: Object.fromEntries(names.map(name => [name, median(valuesOf(name))])),
    range: Object.fromEntries(
      names.map(name => [
        name,
        [Math.min(...valuesOf(name)), Math.max(...valuesOf(name))] as const,
      ]),
    ),
  }
}

/** The middle value, or the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  const lower = sorted[Math.ceil(middle) - 1] ?? Number.NaN
  return round((lower + upper) / 2)
}

/**
 * The smallest value that is at least as large as this share of all values (nearest rank).
 * @param share from 0 to 1: 0.99 for p99
 */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]
}

export function perHundred(part: number, whole: number): number {
  return whole === 0 ? 0 : round((part / whole) * 100)
}

export function perTenThousand(part: number, whole: number): number {
  return whole === 0 ? 0 : round((part / whole) * 10_000)
}

export function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
