import type { Figures } from '../reporting/figures.ts'

export type BenchOptions = Readonly<{
  rounds: number
  /** How long each arm of a round is measured. */
  seconds: number
  say: (line: string) => void
}>

export type Measured = Readonly<{
  /**
   * The figures of each arm, round by round. The arms take turns within a round, so that a machine that
   * slows down affects all of them.
   */
  arms: Readonly<Record<string, readonly Figures[]>>
  /** Ratios between two arms of the same round, by name; one value for each round. */
  ratios?: Readonly<Record<string, readonly number[]>>
}>

export type Target = Readonly<{ ratio: string } & ({ atLeast: number } | { atMost: number })>

/** Measures what something costs. It proves nothing, and no promise can break. */
export type Bench = Readonly<{
  /** The name on the command line. */
  name: string
  /** The name of the file in `load-tests/results`. */
  result: string
  title: string
  /** The least or the most that the median of a ratio should be. */
  targets?: readonly Target[]
  measure: (options: BenchOptions) => Promise<Measured>
}>
