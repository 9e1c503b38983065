import { RollBack } from '@nightshift/runtime/postgres/postgres'
import { insertIntent, reserve } from './durable-refund.ts'
import type { DurableRefund } from './types.ts'

/**
 * The refund inside the request: checks that it is possible, asks the provider, and records the
 * refund if the answer was yes. Every other outcome is reported as a failure. If the money was
 * refunded all the same, no table knows of it.
 */
export const callThenRecord: DurableRefund = {
  keepIntent: result => {
    throw new RollBack(result)
  },
  beforeRecording: async (tx, intent) => {
    // The amount is reserved again, because the first transaction was rolled back, key included.
    if ((await reserve(tx, intent)) === undefined) {
      throw new Error(`payment ${intent.paymentId} has less left than was refunded`)
    }
    await insertIntent(tx, { ...intent, keyHash: null, fingerprint: null })
  },
  withoutAnswer: 'failed',
}
