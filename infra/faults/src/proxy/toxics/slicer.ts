import { openDelayLine } from '../delay-line.ts'
import type { OpenStage } from '../open-stage.ts'

const microsecondsPerMs = 1_000

/**
 * Cuts the stream into writes of `average_size` ± `size_variation` bytes, `delay` µs apart. Timers
 * wait whole milliseconds, so short delays are kept on average: several slices, then a pause.
 */
export const openSlicer: OpenStage<'slicer'> = (outlet, read, dice) =>
  openDelayLine(outlet, {
    departure(chunk, arrivedMs, lastMs) {
      const { average_size, size_variation, delay } = read()
      const bytes = Math.round(average_size + (dice() * 2 - 1) * size_variation)
      return {
        bytes: Math.min(chunk.length, Math.max(1, bytes)),
        dueMs: Math.max(arrivedMs, lastMs + delay / microsecondsPerMs),
      }
    },
  })
