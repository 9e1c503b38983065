import { limits } from '../../limits.ts'
import { openDelayLine } from '../delay-line.ts'
import type { OpenStage } from '../open-stage.ts'

/**
 * At most `rate` KB/s, in pieces of 100 ms. Time without data earns no credit, so there are no
 * bursts. A rate of 0 holds everything.
 */
export const openBandwidth: OpenStage<'bandwidth'> = (outlet, read) =>
  openDelayLine(outlet, {
    departure(chunk, arrivedMs, lastMs) {
      // KB/s are bytes/ms.
      const { rate } = read()
      const bytes = Math.min(chunk.length, Math.max(1, rate * limits.bandwidthPieceMs))
      return { bytes, dueMs: Math.max(arrivedMs, lastMs) + bytes / rate }
    },
  })
