import type { Figures } from '../reporting/spread.ts'

export type BenchOptions = Readonly<{
  rounds: number
  /** How long each arm of a round is measured. */
  seconds: number
  say: (line: string) => void
}>

export type Measured = Readonly<{
  /**
   * The figures of each arm, in the order of the rounds. The arms take turns within a round, so that
   * a machine that gets slower hurts all of them.
   */
  arms: Readonly<Record<string, readonly Figures[]>>
  /** What two arms of the same round make of each other, by name; one for each round. */
  ratios?: Readonly<Record<string, readonly number[]>>
}>

/** Something whose price is measured: nothing is proved, and nothing can break. */
export type Bench = Readonly<{
  /** What a person types. */
  name: string
  /** Of the file in load-tests/results. */
  result: string
  title: string
  /** What the median of a ratio should be at least. */
  targets?: readonly Readonly<{ ratio: string; atLeast: number }>[]
  measure: (options: BenchOptions) => Promise<Measured>
}>
