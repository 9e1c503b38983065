import { isSpanContextValid, TraceFlags, trace } from '@opentelemetry/api'
import {
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace'

/**
 * Keeps a share of the journeys, each of them whole. A span with a parent is kept when its parent is,
 * as the sampler of the library does. A trace that only links to its cause, as the work on an event does,
 * is kept when its cause is: the library would draw lots again, and of ten kept requests nine would lose
 * what happened behind Kafka.
 * @param share of the requests without a parent, from 0 to 1
 */
export function keepWholeJourneys(share: number): Sampler {
  const atRandom = new TraceIdRatioBasedSampler(share)
  return {
    shouldSample(...[parentContext, traceId, , , , links]: Parameters<Sampler['shouldSample']>) {
      const parent = trace.getSpanContext(parentContext)
      if (parent && isSpanContextValid(parent)) return decide(isKept(parent))
      if (links.length > 0) return decide(links.some(link => isKept(link.context)))
      return atRandom.shouldSample(parentContext, traceId)
    },
    toString: () => `keepWholeJourneys{${share}}`,
  }
}

function isKept({ traceFlags }: { traceFlags: number }): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0
}

function decide(keep: boolean): SamplingResult {
  return { decision: keep ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD }
}
