import { limits } from '../../limits.ts'
import { openDelayLine } from '../delay-line.ts'
import type { OpenStage } from '../open-stage.ts'

/** Every chunk leaves `latency` ± `jitter` ms after it came, and never before an earlier one. */
export const openLatency: OpenStage<'latency'> = (outlet, read, dice) =>
  openDelayLine(
    outlet,
    {
      departure(chunk, arrivedMs) {
        const { latency, jitter } = read()
        const spread = (dice() * 2 - 1) * jitter
        return { bytes: chunk.length, dueMs: arrivedMs + latency + spread }
      },
    },
    limits.latencyRoomBytes,
  )
