import { limits } from '../limits.ts'
import { openDelayLine } from './delay-line.ts'
import { type Ending, nothingHeld, type Outlet, type Stage } from './stage.ts'
import type { Attributes, ToxicType } from './toxic.ts'

/**
 * Puts a toxic to work on one direction of one connection. `read` answers the attributes as they
 * are now: they may change while the stage lives. `random` answers numbers in [0, 1).
 */
type OpenStage<Type extends ToxicType> = (
  outlet: Outlet,
  read: () => Attributes<Type>,
  random: () => number,
) => Stage

const microsecondsPerMs = 1_000

/** Every chunk leaves `latency` ± `jitter` ms after it came, and never before an earlier one. */
const openLatency: OpenStage<'latency'> = (outlet, read, random) =>
  openDelayLine(
    outlet,
    {
      departure(chunk, arrivedMs) {
        const { latency, jitter } = read()
        const spread = (random() * 2 - 1) * jitter
        return { bytes: chunk.length, dueMs: arrivedMs + latency + spread }
      },
    },
    limits.latencyRoomBytes,
  )

/**
 * At most `rate` KB/s, in pieces of 100 ms. Time without data earns no credit, so there are no
 * bursts. A rate of 0 holds everything.
 */
const openBandwidth: OpenStage<'bandwidth'> = (outlet, read) =>
  openDelayLine(outlet, {
    departure(chunk, arrivedMs, lastMs) {
      // KB/s are bytes/ms.
      const { rate } = read()
      const bytes = Math.min(chunk.length, Math.max(1, rate * limits.bandwidthPieceMs))
      return { bytes, dueMs: Math.max(arrivedMs, lastMs) + bytes / rate }
    },
  })

/** Bytes pass at once; the end of the stream passes `delay` ms after it came. */
const openSlowClose: OpenStage<'slow_close'> = (outlet, read) =>
  openDelayLine(outlet, {
    departure: (chunk, arrivedMs) => ({ bytes: chunk.length, dueMs: arrivedMs }),
    endDueMs: arrivedMs => arrivedMs + read().delay,
  })

/**
 * Cuts the stream into writes of `average_size` ± `size_variation` bytes, `delay` µs apart. Timers
 * wait whole milliseconds, so short delays are kept on average: several slices, then a pause.
 */
const openSlicer: OpenStage<'slicer'> = (outlet, read, random) =>
  openDelayLine(outlet, {
    departure(chunk, arrivedMs, lastMs) {
      const { average_size, size_variation, delay } = read()
      const bytes = Math.round(average_size + (random() * 2 - 1) * size_variation)
      return {
        bytes: Math.min(chunk.length, Math.max(1, bytes)),
        dueMs: Math.max(arrivedMs, lastMs + delay / microsecondsPerMs),
      }
    },
  })

/**
 * Drops all bytes, and closes the connection after `timeout` ms without any, or never when that is
 * 0. The stream has a hole from then on, so the connection also closes when the toxic is removed.
 */
const openTimeout: OpenStage<'timeout'> = (outlet, read) => {
  let timer: NodeJS.Timeout | undefined

  function startTimer(): void {
    clearTimeout(timer)
    const { timeout } = read()
    if (timeout > 0) timer = setTimeout(() => outlet.end('close'), timeout)
  }

  return {
    start: startTimer,
    push: startTimer,
    end: outlet.end,
    release() {
      clearTimeout(timer)
      return nothingHeld
    },
    heldBytes: () => 0,
    endsWhenRemoved: 'close',
  }
}

/**
 * Resets both sides `timeout` ms after the first bytes or the first end came this way. Whatever
 * came is held until then, so that the stream is whole if the toxic is removed in time.
 */
const openResetPeer: OpenStage<'reset_peer'> = (outlet, read) => {
  let chunks: Buffer[] = []
  let ending: Ending | undefined
  let held = 0
  let timer: NodeJS.Timeout | undefined

  function startTimer(): void {
    timer ??= setTimeout(() => outlet.end('reset'), read().timeout)
  }

  return {
    push(chunk) {
      chunks.push(chunk)
      held += chunk.length + limits.pieceOverheadBytes
      startTimer()
    },
    end(how) {
      ending = how
      startTimer()
    },
    release() {
      clearTimeout(timer)
      const given = { chunks, ending }
      timer = undefined
      chunks = []
      ending = undefined
      held = 0
      return given
    },
    heldBytes: () => held,
  }
}

/** Lets `bytes` bytes pass, counted from when the toxic was added, then closes the connection. */
const openLimitData: OpenStage<'limit_data'> = (outlet, read) => {
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

export const stageOpeners: { [Type in ToxicType]: OpenStage<Type> } = {
  latency: openLatency,
  bandwidth: openBandwidth,
  slow_close: openSlowClose,
  timeout: openTimeout,
  reset_peer: openResetPeer,
  slicer: openSlicer,
  limit_data: openLimitData,
}
