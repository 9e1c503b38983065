import { crashMatrix } from './crash-matrix.ts'
import type { Experiment } from './experiment.ts'
import type { Grid } from './grid.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { outboxExperiment } from './outbox.ts'
import { replyLost } from './reply-lost.ts'

/** Something to be proved by breaking the system: a pattern against its twin, or a grid. */
export type Proof = Experiment | Grid

/** Every proof, in the order of their names, the long ones last. */
export const proofs: readonly Proof[] = [idempotencyKey, outboxExperiment, replyLost, crashMatrix]
