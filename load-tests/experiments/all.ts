import type { Experiment } from '../runner/experiment.ts'
import type { Matrix } from '../runner/matrix.ts'
import type { ResiliencyMatrix } from '../runner/resiliency-matrix.ts'
import type { AlertProof } from '../runner/run-alerts.ts'
import type { Recovery } from '../runner/run-recovery.ts'
import { alerts } from './alerts.ts'
import { blockedLoop } from './blocked-loop.ts'
import { burstAtTheEdge } from './burst-at-the-edge.ts'
import { cacheThenChargeExperiment } from './cache-then-charge.ts'
import { claimInTransaction } from './claim-in-transaction.ts'
import { connectionResets } from './connection-resets.ts'
import { crashMatrix } from './crash-matrix.ts'
import { cutAnswers } from './cut-answers.ts'
import { deployUnderLoad } from './deploy-under-load.ts'
import { durableRefund } from './durable-refund.ts'
import { everythingFrozen } from './everything-frozen.ts'
import { halfOpenDatabase } from './half-open-database.ts'
import { hurriedCallers } from './hurried-callers.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { lateExecution } from './late-execution.ts'
import { loudTenant } from './loud-tenant.ts'
import { metastability } from './metastability.ts'
import { outboxExperiment } from './outbox.ts'
import { overQuota } from './over-quota.ts'
import { piledUpPayments } from './piled-up-payments.ts'
import { poisonRecord } from './poison-record.ts'
import { providerDown } from './provider-down.ts'
import { reconcilerOff } from './reconciler-off.ts'
import { replayedTopics } from './replayed-topics.ts'
import { replyLost } from './reply-lost.ts'
import { requestLost } from './request-lost.ts'
import { resiliencyMatrix } from './resiliency-matrix.ts'
import { retryLayers } from './retry-layers.ts'
import { rollingKill, rollingKillSingle } from './rolling-kill.ts'
import { sameKeyStorm } from './same-key-storm.ts'
import { searchFlood } from './search-flood.ts'
import { selectThenInsertExperiment } from './select-then-insert.ts'
import { sharedDependency } from './shared-dependency.ts'
import { slowClients } from './slow-clients.ts'
import { slowConnections } from './slow-connections.ts'
import { slowProvider } from './slow-provider.ts'
import { starvedProcessor } from './starved-processor.ts'
import { webhookHint } from './webhook-hint.ts'
import { zombieOwner } from './zombie-owner.ts'

/**
 * Something that is proved by breaking the system: a pattern against its naive version, a matrix,
 * a recovery, or the alerts.
 */
export type Proof = Experiment | Matrix | ResiliencyMatrix | Recovery | AlertProof

/** Every proof. The crash matrix takes longest, and comes last. */
export const proofs: readonly Proof[] = [
  cacheThenChargeExperiment,
  webhookHint,
  claimInTransaction,
  idempotencyKey,
  lateExecution,
  outboxExperiment,
  poisonRecord,
  replayedTopics,
  deployUnderLoad,
  rollingKill,
  rollingKillSingle,
  everythingFrozen,
  sharedDependency,
  blockedLoop,
  starvedProcessor,
  slowClients,
  providerDown,
  slowProvider,
  halfOpenDatabase,
  slowConnections,
  requestLost,
  connectionResets,
  cutAnswers,
  overQuota,
  loudTenant,
  piledUpPayments,
  hurriedCallers,
  retryLayers,
  searchFlood,
  burstAtTheEdge,
  metastability,
  reconcilerOff,
  durableRefund,
  replyLost,
  sameKeyStorm,
  selectThenInsertExperiment,
  zombieOwner,
  alerts,
  resiliencyMatrix,
  crashMatrix,
]

/** Those of them that have two arms, one payment of which can be drawn. */
export const experiments: readonly Experiment[] = proofs.filter(
  (proof): proof is Experiment => 'method' in proof && 'hypothesis' in proof,
)

/**
 * These are no part of `npm run prove -- --short`. A collapse needs minutes until it is one, and what a
 * starved process does in ten seconds differs too much from run to run.
 */
export const needTime: readonly Proof[] = [metastability, starvedProcessor]
