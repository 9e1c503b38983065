import { openDelayLine } from '../delay-line.ts'
import type { OpenStage } from '../open-stage.ts'

/** Bytes pass at once; the end of the stream `delay` ms after it came. */
export const openSlowClose: OpenStage<'slow_close'> = (outlet, read) =>
  openDelayLine(outlet, {
    departure: (chunk, arrivedMs) => ({ bytes: chunk.length, dueMs: arrivedMs }),
    endDueMs: arrivedMs => arrivedMs + read().delay,
  })
