/**
 * Fault:    a record that can't be applied lies before good ones in its partition.
 * Without:  load-tests/results/poison-record.json (good events not applied); the code is `naive.ts`.
 * With:     after a few tries it becomes a dead letter, and the partition goes on.
 * Switch:   PATTERN_DEAD_LETTERS=naive
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  describeFailure,
  type FailurePolicy,
  linksToCause,
} from '@nightshift/runtime/kafka/consumer'
import type { Position } from '@nightshift/runtime/kafka/consumer-progress'
import type { Publish } from '@nightshift/runtime/kafka/producer'
import type { ReceivedRecord } from '@nightshift/runtime/kafka/record-batches'
import { fullJitterMs } from '@nightshift/runtime/process/jitter'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import { injectInto, inSpan, SpanKind } from '@nightshift/runtime/telemetry/tracing'
import { ROOT_CONTEXT } from '@opentelemetry/api'
import { deadLetterOf } from './dead-letter.ts'
import type { DeadLettersLogEvent } from './log-events.ts'
import { classifyFailure } from './record-failure.ts'

/** A record that fails this often by itself can't be applied. */
const ownFailuresMax = 5
/** Contention usually passes: about ten seconds of it, the pauses between the tries included. */
const contentionFailuresMax = 20
const retryBaseMs = 50
const retryCapMs = 1_000

export type DeadLettersOptions = {
  /** Names the topic of the dead letters: `<service>.dead-letters.v1`. */
  service: string
  /** A dead letter is acknowledged before the offset of its record moves. */
  publish: Publish
  log: Log<DeadLettersLogEvent>
}

/**
 * Tries a record a few times, then publishes it as a dead letter and goes on.
 *
 * During an outage there is no limit: the record is fine, every other record would fail too, and the
 * partition waits with it. A dead letter that could not be published is no failure of the record.
 */
export function retryThenDeadLetter({ service, publish, log }: DeadLettersOptions): FailurePolicy {
  /** In a trace of its own, which is linked to the one that published the record. */
  function putAside(record: ReceivedRecord, at: Position, reason: string): Promise<void> {
    const letter = deadLetterOf(service, record, at, reason)
    const span = { kind: SpanKind.PRODUCER, parent: ROOT_CONTEXT, links: linksToCause(record) }
    return inSpan(`publish ${letter.topic}`, span, async () => {
      await publish([{ ...letter, headers: injectInto({}) }])
      log.error({ event: 'event.dead_lettered', ...at, reason })
    })
  }

  return async ({ record, at, attempt, failed, stay }) => {
    const failuresOf = { outage: 0, contention: 0, own: 0 }
    let reason: string | undefined
    for (let failures = 1; ; failures += 1) {
      try {
        reason ??= await attempt()
        if (reason === undefined) return 'applied'
        await putAside(record, at, reason)
        return 'dead-lettered'
      } catch (error) {
        if (reason === undefined) {
          failuresOf[classifyFailure(error)] += 1
          const { own, contention } = failuresOf
          if (own >= ownFailuresMax || own + contention >= contentionFailuresMax) {
            reason = `it failed ${own + contention} times: ${describeFailure(error)}`
          }
        }
        failed(`it failed ${failures} times: ${describeFailure(error)}`)
        log.warn({ event: 'event.retried', ...at, failures, error })
      }
      await sleep(fullJitterMs(failures - 1, retryBaseMs, retryCapMs))
      if (!(await stay())) return 'left'
    }
  }
}
