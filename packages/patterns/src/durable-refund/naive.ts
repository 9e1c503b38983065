import { RollBack } from '@nightshift/runtime/postgres/postgres'
import { insertIntent, reserve } from './durable-refund.ts'
import type { DurableRefund } from './types.ts'

/**
 * The refund inside the request: checks that it is possible, asks the provider, and writes the refund
 * down if the answer was yes. Every other end is called a failure. If the money went nevertheless,
 * no table says so.
 */
export const callThenRecord: DurableRefund = {
  keepIntent: result => {
    throw new RollBack(result)
  },
  beforeRecording: async (tx, intent) => {
    // Again, because the transaction that checked it was undone together with its key.
    if ((await reserve(tx, intent)) === undefined) {
      throw new Error(`payment ${intent.paymentId} has less left than the refund that was made`)
    }
    await insertIntent(tx, { ...intent, keyHash: null, fingerprint: null })
  },
  withoutAnswer: 'failed',
}
