import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditOptions, audit } from '../auditor/audit.ts'
import type { Sources } from '../auditor/collect.ts'
import type { Evidence } from '../auditor/evidence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { openFaultLog, type RecordFault } from '../harness/fault-log.ts'
import {
  openRecordingClient,
  publishAfterRecovery,
  type RecordingClient,
} from '../harness/recording-client.ts'
import { collectAtRest, sourcesOf } from '../harness/sources.ts'
import { saveAlert } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem, type TestSystemOptions } from '../harness/test-system.ts'

/** A private system with a client and a fault log, whose sources the auditor can read. */
export type ExperimentSystem = AsyncDisposable &
  Readonly<{
    system: TestSystem
    client: RecordingClient
    recordFault: RecordFault
    sources: Sources
  }>

type Options = TestSystemOptions &
  Readonly<{
    /** The client sends a request at most this often. */
    attemptsMax?: number
  }>

/** Opens a fresh system, in which one candidate has an alert for every new listing. */
export async function openExperimentSystem(options: Options): Promise<ExperimentSystem> {
  await using undo = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-experiment-'))
  undo.defer(() => rm(dir, { recursive: true, force: true }))
  const system = undo.use(await openTestSystem(options))
  await saveAlert(system)
  const disposal = undo.move()
  return {
    system,
    client: openRecordingClient(system, join(dir, 'history.jsonl'), options.attemptsMax),
    recordFault: system.faults ? refuseToRecord : openFaultLog(join(dir, 'faults.jsonl')),
    sources: sourcesOf(system, options.parts, dir),
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

/** Lines in a second log would be read by nobody. */
const refuseToRecord: RecordFault = kind => {
  throw new Error(`the fault proxy writes the log of this system, and it was not told of a ${kind}`)
}

/** Judges a system after the last fault. It gets `restMs` to come to rest. */
export async function judgeAtRest(
  { client, sources }: Pick<ExperimentSystem, 'client' | 'sources'>,
  restMs: number,
  options: AuditOptions = {},
): Promise<{ evidence: Evidence; verdict: Verdict }> {
  await publishAfterRecovery(client)
  const evidence = await collectAtRest(sources, restMs)
  return { evidence, verdict: audit(evidence, options) }
}
