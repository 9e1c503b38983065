import type { ProcessName } from '@nightshift/local/system/topology'
import type { Evidence } from '../auditor/evidence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import type { RecordingClient } from '../harness/client.ts'
import type { NoteFault } from '../harness/note-fault.ts'
import type { TestParts } from '../harness/test-parts.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/spread.ts'

/** What the method of an experiment works with: a fresh system, clients who write down, dice. */
export type Lab = Readonly<{
  system: TestSystem
  parts: TestParts
  client: RecordingClient
  /** What the processes of this arm were told, for one that the method starts itself. */
  settings: Settings
  noteFault: NoteFault
  /** The same sequence in both arms of a round: 0 <= value < 1. */
  dice: () => number
  /** How many intents this round has. */
  size: number
}>

/** Which part of the system an experiment is about. */
export const areas = ['payments', 'messaging'] as const
export type Area = (typeof areas)[number]

/** One fault, with and without the pattern that survives it. */
export type Experiment = Readonly<{
  /** The name of its file, of its result, and of the figure. */
  name: string
  title: string
  area: Area
  pattern: string
  /** What is believed before, in one sentence that can turn out wrong. */
  hypothesis: string
  /** Settings of the processes, by arm. Both arms get the same load, faults and dice. */
  arms: Readonly<Record<'naive' | 'with', Settings>>
  run: readonly ProcessName[]
  /**
   * Its clients pay at payments for publications that never were, because the fault is there and a
   * publication would add keys and retries of its own. Listings puts the events of these payments
   * aside, which is then no finding.
   */
  paysDirectly?: true
  /** The naive arm breaks no promise, and is only worse: the figure alone has to show it. */
  breaksNoPromise?: true
  /** Intents of a round; the short form has fewer. */
  size: Readonly<{ full: number; short: number }>
  method: (lab: Lab) => Promise<void>
  /** What must have happened while the fault was on, or nothing was proved. See the auditor. */
  sometimes: readonly string[]
  figures: (evidence: Evidence, verdict: Verdict) => Figures
  /** The figure that must be visibly worse in the naive arm, and how much worse is visible. */
  shows: Readonly<{ figure: string; of: string; atLeast: number; unit: string }>
}>

type Env = Readonly<Record<string, string>>
type Settings = Readonly<Partial<Record<ProcessName, Env>>>
