import type { Figures } from '@nightshift/load-tests/experiments/spread'

export type BenchOptions = Readonly<{
  rounds: number
  /** How long each arm of a round is measured. */
  seconds: number
  say: (line: string) => void
}>

/** Something whose price is measured: nothing is proved, and nothing can break. */
export type Bench = Readonly<{
  /** What a person types. */
  name: string
  /** Of the file in load-tests/results. */
  result: string
  title: string
  /**
   * The figures of each arm, in the order of the rounds. The arms take turns within a round, so that
   * a machine that gets slower hurts all of them.
   */
  measure: (options: BenchOptions) => Promise<Readonly<Record<string, readonly Figures[]>>>
}>
