import type { Experiment } from './experiment.ts'
import { idempotencyKey } from './idempotency-key.ts'
import { outboxExperiment } from './outbox.ts'
import { replyLost } from './reply-lost.ts'

/** Every experiment, by name. */
export const experiments: readonly Experiment[] = [idempotencyKey, outboxExperiment, replyLost]
