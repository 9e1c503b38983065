import { median } from './measure.ts'

export type Figures = Readonly<Record<string, number>>

/** What a result says of the rounds of one arm: each of them, the median, and the least and most. */
export type Spread = Readonly<{
  rounds: readonly Figures[]
  median: Figures
  range: Readonly<Record<string, readonly [least: number, most: number]>>
}>

/** The figures are those of the first round; one that is absent later counts as 0 there. */
export function spreadOf(rounds: readonly Figures[]): Spread {
  const names = Object.keys(rounds[0] ?? {})
  const of = (name: string) => rounds.map(figures => figures[name] ?? 0)
  return {
    rounds,
    median: Object.fromEntries(names.map(name => [name, median(of(name))])),
    range: Object.fromEntries(
      names.map(name => [name, [Math.min(...of(name)), Math.max(...of(name))] as const]),
    ),
  }
}
