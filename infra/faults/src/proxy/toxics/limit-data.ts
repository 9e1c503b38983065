import type { OpenStage } from '../open-stage.ts'
import { nothingHeld } from '../stage.ts'

/** Lets `bytes` bytes through, counted from when the toxic came, then closes the connection. */
export const openLimitData: OpenStage<'limit_data'> = (outlet, read) => {
  let passed = 0
  let closed = false

  return {
    push(chunk) {
      if (closed) return
      const allowed = chunk.subarray(0, Math.max(0, read().bytes - passed))
      passed += allowed.length
      if (allowed.length > 0) outlet.pass(allowed)
      if (passed < read().bytes) return
      closed = true
      outlet.end('close')
    },
    end: outlet.end,
    release: () => nothingHeld,
    heldBytes: () => 0,
  }
}
