import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { call } from '@nightshift/local/test-client'
import type { TestParts } from '@nightshift/local/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/local/test-system'
import { audit } from '../auditor/audit.ts'
import { collect } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { diceOf } from '../scenarios/dice.ts'
import { openClient, type RecordingClient } from './client.ts'
import type { Experiment, Figures } from './experiment.ts'
import { openNemesis } from './nemesis.ts'
import { sourcesOf } from './sources.ts'

/** As long as the promises L1 to L4 allow; the naive arm may never come to rest. */
const quiesceMs = { with: 90_000, naive: 15_000 } as const

export type ArmRound = Readonly<{ figures: Figures; verdict: Verdict; seconds: number }>

/** One arm of one round, on a fresh system: load and faults, rest, evidence, judgement, figures. */
export async function runArm(
  experiment: Experiment,
  arm: 'naive' | 'with',
  parts: TestParts,
  { seed, size }: { seed: number; size: number },
): Promise<ArmRound> {
  const startedMs = performance.now()
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-experiment-'))
  const { run, arms } = experiment
  const system = await openTestSystem({ parts, run, env: arms[arm] })
  try {
    const nemesis = openNemesis(join(dir, 'nemesis.jsonl'))
    const client = openClient(system, join(dir, 'history.jsonl'))
    const dice = diceOf(experiment.name, seed).chance
    await saveAlert(system)
    await experiment.method({ system, parts, client, nemesis, dice, size })
    await askInCalm(client)
    const sources = sourcesOf(system, parts, dir)
    const quiescence = await waitForQuiescence(sources, quiesceMs[arm])
    const evidence = await collect(sources, { quiescence })
    const verdict = audit(evidence, { sometimes: experiment.sometimes })
    const figures = experiment.figures(evidence, verdict)
    return { figures, verdict, seconds: (performance.now() - startedMs) / 1000 }
  } finally {
    await system[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  }
}

/** Somebody is to be told of every listing, or nobody would notice that nobody was. */
async function saveAlert(system: TestSystem): Promise<void> {
  const body = { email: 'ada@example.org', area: 'europe' }
  const answer = await call('POST', `${system.urls.notifications}/v1/alerts`, { body })
  if (answer.status !== 201) throw new Error(`the alert was refused: ${answer.text}`)
}

/** After the fault somebody has to ask, or nobody could say that the system is well again. */
async function askInCalm(client: RecordingClient): Promise<void> {
  for (const tenant of ['acme', 'northwind', 'lumen'] as const) {
    await client.publish(tenant, await client.draft(tenant))
  }
}
