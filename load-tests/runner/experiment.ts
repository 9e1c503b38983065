import type { ProcessName } from '@nightshift/local/system/topology'
import type { Evidence } from '../auditor/evidence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import type { RecordingClient } from '../harness/recording-client.ts'
import type { TestParts } from '../harness/test-parts.ts'
import type { FaultContext } from '../harness/while-faulty.ts'
import type { Figures } from '../reporting/figures.ts'

/** The means of an experiment's method. Both arms of a round draw the same random numbers. */
export type ExperimentContext = FaultContext &
  Readonly<{
    parts: TestParts
    client: RecordingClient
    /** The settings of this arm, for a process that the method starts itself. */
    settings: Settings
    /** The number of intents in this round. */
    size: number
  }>

/** The parts of the system that experiments are about. */
export const areas = ['payments', 'messaging', 'resilience', 'alerts'] as const
export type Area = (typeof areas)[number]

/** One fault, with and without the pattern that survives it. */
export type Experiment = Readonly<{
  /** Also the name of its result and of its figure, and of its file unless that has two experiments. */
  name: string
  title: string
  area: Area
  pattern: string
  /** One sentence that the experiment can disprove. */
  hypothesis: string
  /** The settings of the processes. Everything else is the same in both arms: load, faults, seed. */
  arms: Readonly<Record<'naive' | 'with', Settings>>
  run: readonly ProcessName[]
  /** Two instances of each service, behind HAProxy. */
  replicas?: 2
  /**
   * Every connection between two processes goes through the fault proxy, which then writes the fault
   * log alone: such an experiment breaks links, and nothing else.
   */
  links?: true
  /**
   * The clients pay at payments, where the fault is, for publications that listings does not know. A
   * real publication would add keys and retries of its own. Listings dead-letters the events of these
   * payments, and the auditor excuses that.
   */
  paysDirectly?: true
  /** The naive arm breaks no promise, and is only worse: the figure alone has to show it. */
  breaksNoPromise?: true
  /** Intents of a round. The short form has fewer. */
  size: Readonly<{ full: number; short: number }>
  method: (context: ExperimentContext) => Promise<void>
  /** Events without which the fault proves nothing. The auditor counts them. */
  sometimes: readonly string[]
  figures: (evidence: Evidence, verdict: Verdict) => Figures
  /** The figure that must be worse in the naive arm, by at least this much. */
  shows: Readonly<{ figure: string; of: string; atLeast: number; unit: string }>
}>

type Env = Readonly<Record<string, string>>
type Settings = Readonly<Partial<Record<ProcessName, Env>>>
