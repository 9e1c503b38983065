import type { Evidence } from '../auditor/evidence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import type { TestParts } from '../harness/test-parts.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/figures.ts'
import { randomSource } from '../scenarios/random-source.ts'
import type { Experiment } from './experiment.ts'
import { judgeAtRest, openExperimentSystem } from './experiment-system.ts'

/** The promises L1 to L4 allow 90 s. The naive arm may never come to rest, so it gets less. */
const quiesceMs = { with: 90_000, naive: 15_000, naiveShort: 6_000 } as const

export type ArmRound = Readonly<{ figures: Figures; verdict: Verdict; seconds: number }>

/** A system at the end of a round, before it is closed. */
export type AtRest = Readonly<{ system: TestSystem; evidence: Evidence; verdict: Verdict }>

type ArmOptions = Readonly<{
  seed: number
  short: boolean
  /** Looks at the system once more before it is closed. */
  look?: (atRest: AtRest) => Promise<void>
}>

/** Runs one arm of one round on a fresh system: load and faults, rest, evidence, verdict, figures. */
export async function runArm(
  experiment: Experiment,
  arm: 'naive' | 'with',
  parts: TestParts,
  { seed, short, look }: ArmOptions,
): Promise<ArmRound> {
  const startedMs = performance.now()
  const { name, run, replicas, links, sometimes, paysDirectly = false } = experiment
  const settings = experiment.arms[arm]
  const restMs = quiesceMs[arm === 'naive' && short ? 'naiveShort' : arm]
  await using opened = await openExperimentSystem({
    parts,
    run,
    env: settings,
    ...(replicas && { replicas }),
    ...(links && { links }),
  })
  const { system, client, recordFault } = opened
  await experiment.method({
    system,
    parts,
    client,
    settings,
    recordFault,
    random: randomSource(name, seed),
    size: short ? experiment.size.short : experiment.size.full,
  })
  const { evidence, verdict } = await judgeAtRest(opened, restMs, { sometimes, paysDirectly })
  await look?.({ system, evidence, verdict })
  const figures = experiment.figures(evidence, verdict)
  return { figures, verdict, seconds: (performance.now() - startedMs) / 1000 }
}
