import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { audit } from '../auditor/audit.ts'
import { collect } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { askInCalm } from '../harness/ask-after-recovery.ts'
import { openClient } from '../harness/client.ts'
import { openFaultLog } from '../harness/note-fault.ts'
import { saveAlert } from '../harness/save-alert.ts'
import { sourcesOf } from '../harness/sources.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/spread.ts'
import { diceOf } from '../scenarios/random-source.ts'
import type { Experiment } from './experiment.ts'

/** As long as the promises L1 to L4 allow; the naive arm may never come to rest. */
const quiesceMs = { with: 90_000, naive: 15_000, naiveShort: 6_000 } as const

export type ArmRound = Readonly<{ figures: Figures; verdict: Verdict; seconds: number }>

/** One arm of one round, on a fresh system: load and faults, rest, evidence, judgement, figures. */
export async function runArm(
  experiment: Experiment,
  arm: 'naive' | 'with',
  parts: TestParts,
  { seed, short }: { seed: number; short: boolean },
): Promise<ArmRound> {
  const startedMs = performance.now()
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-experiment-'))
  const { run, arms, sometimes, paysDirectly = false } = experiment
  const size = short ? experiment.size.short : experiment.size.full
  const restMs = quiesceMs[arm === 'naive' && short ? 'naiveShort' : arm]
  const system = await openTestSystem({ parts, run, env: arms[arm] })
  try {
    const noteFault = openFaultLog(join(dir, 'faults.jsonl'))
    const client = openClient(system, join(dir, 'history.jsonl'))
    const dice = diceOf(experiment.name, seed).chance
    await saveAlert(system)
    const settings = arms[arm]
    await experiment.method({ system, parts, client, settings, noteFault, dice, size })
    await askInCalm(client)
    const sources = sourcesOf(system, parts, dir)
    const quiescence = await waitForQuiescence(sources, restMs)
    const evidence = await collect(sources, { quiescence })
    const verdict = audit(evidence, { sometimes, paysDirectly })
    const figures = experiment.figures(evidence, verdict)
    return { figures, verdict, seconds: (performance.now() - startedMs) / 1000 }
  } finally {
    await system[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  }
}
