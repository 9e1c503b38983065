import type { Experiment } from '../runner/experiment.ts'
import type { Matrix } from '../runner/matrix.ts'
import { burstAtTheEdge } from './burst-at-the-edge.ts'
import { cacheThenChargeExperiment } from './cache-then-charge.ts'
import { claimInTransaction } from './claim-in-transaction.ts'
import { crashMatrix } from './crash-matrix.ts'
import { deployUnderLoad } from './deploy-under-load.ts'
import { durableRefund } from './durable-refund.ts'
import { hurriedCallers } from './hurried-callers.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { lateExecution } from './late-execution.ts'
import { outboxExperiment } from './outbox.ts'
import { overQuota } from './over-quota.ts'
import { poisonRecord } from './poison-record.ts'
import { providerDown } from './provider-down.ts'
import { reconcilerOff } from './reconciler-off.ts'
import { replyLost } from './reply-lost.ts'
import { retryLayers } from './retry-layers.ts'
import { sameKeyStorm } from './same-key-storm.ts'
import { searchFlood } from './search-flood.ts'
import { selectThenInsertExperiment } from './select-then-insert.ts'
import { slowProvider } from './slow-provider.ts'
import { webhookHint } from './webhook-hint.ts'
import { zombieOwner } from './zombie-owner.ts'

/** Something that is proved by breaking the system: a pattern against its naive version, or a matrix. */
export type Proof = Experiment | Matrix

/** Every proof. The crash matrix takes longest, and comes last. */
export const proofs: readonly Proof[] = [
  cacheThenChargeExperiment,
  webhookHint,
  claimInTransaction,
  idempotencyKey,
  lateExecution,
  outboxExperiment,
  poisonRecord,
  deployUnderLoad,
  providerDown,
  slowProvider,
  overQuota,
  hurriedCallers,
  retryLayers,
  searchFlood,
  burstAtTheEdge,
  reconcilerOff,
  durableRefund,
  replyLost,
  sameKeyStorm,
  selectThenInsertExperiment,
  zombieOwner,
  crashMatrix,
]
