import { RollBack } from '@nightshift/runtime/postgres/postgres'
import type { Obligation } from './types.ts'

/**
 * The refund in the request: look whether it may be, ask, and write it down if the answer was yes.
 * Anything else has failed, and is forgotten. If the money went, nobody here knows; if not, neither.
 */
export const refundInRequest: Obligation = {
  beforeAsking: result => {
    throw new RollBack(result)
  },
  oncePaid: writeDown => writeDown(),
  withoutAnswer: 'failed',
}
