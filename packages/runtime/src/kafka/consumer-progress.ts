import type { Gauge } from 'prom-client'
import type { Log } from '../telemetry/logger.ts'

/** Where a record lies. */
export type Position = { topic: string; partition: number; offset: string }

/** A consumer that makes no progress: since when, and why. */
export type Stall = {
  topic: string
  seconds: number
  because: string
  /** The record that is being worked on, if there is one. */
  partition?: number
  offset?: string
}

/** A consumer that can say whether it makes progress. */
export type Stallable = Pick<ConsumerProgress, 'stall'>

/** The consumers of a process that make no progress, each with the reason. */
export function stallsOf(consumers: readonly Stallable[]): Stall[] {
  return consumers.map(consumer => consumer.stall()).filter(stall => stall !== undefined)
}

export type ConsumerProgress = Disposable & {
  /** This member of the group has these partitions of the topic now, and no others. */
  assigned: (partitions: readonly number[]) => void
  /** The broker has answered. This is progress only while no record is being worked on. */
  polled: () => void
  /** A record is worked on from now until it is done, however often it comes back meanwhile. */
  began: (at: Position) => void
  failed: (at: Position, because: string) => void
  done: (at: Position) => void
  /** KafkaJS has given its consumer up, or can't reach the broker. */
  disconnected: (because: string) => void
  /** Undefined while records are applied, or there are none. */
  stall: () => Stall | undefined
}

type Work = { sinceMs: number; offset: string; because: string }

const lookMs = 1_000

/**
 * Notices a consumer that is alive and makes no progress: a record that is retried, a handler that
 * never returns, a broker that does not answer. Its process stays ready, because HTTP works. So the
 * stall is shown in the details of readiness, in a metric and in the log.
 */
export function watchProgress(options: {
  topic: string
  stalledAfterMs: number
  gauge: Pick<Gauge<'topic'>, 'set'>
  log: Log
}): ConsumerProgress {
  const { topic, stalledAfterMs, gauge, log } = options
  const works = new Map<number, Work>()
  let polledMs = performance.now()
  let because = 'Kafka has not answered yet'

  const standing = (): Stall => {
    const nowMs = performance.now()
    const [oldest] = [...works].toSorted(([, a], [, b]) => a.sinceMs - b.sinceMs)
    if (!oldest) return { topic, seconds: (nowMs - polledMs) / 1000, because }
    const [partition, work] = oldest
    const seconds = (nowMs - work.sinceMs) / 1000
    return { topic, seconds, because: work.because, partition, offset: work.offset }
  }
  const stall = () => {
    const now = standing()
    return now.seconds * 1000 >= stalledAfterMs ? now : undefined
  }
  let wasStalled = false
  const look = setInterval(() => {
    gauge.set({ topic }, standing().seconds)
    const now = stall()
    if (now && !wasStalled) log.error({ event: 'consumer.stalled', ...now })
    if (!now && wasStalled) log.info({ event: 'consumer.resumed', topic })
    wasStalled = now !== undefined
  }, lookMs)
  look.unref()

  return {
    assigned: partitions => {
      for (const partition of works.keys()) {
        if (!partitions.includes(partition)) works.delete(partition)
      }
    },
    polled: () => {
      polledMs = performance.now()
      because = 'Kafka does not answer'
    },
    began: ({ partition, offset }) => {
      const sinceMs = performance.now()
      const before = works.get(partition)
      if (before?.offset === offset) return
      works.set(partition, { sinceMs, offset, because: 'its handler has not returned' })
    },
    failed: ({ partition }, reason) => {
      const work = works.get(partition)
      if (work) work.because = reason
    },
    done: ({ partition }) => {
      works.delete(partition)
      polledMs = performance.now()
    },
    disconnected: reason => {
      because = reason
    },
    stall,
    [Symbol.dispose]: () => clearInterval(look),
  }
}
