import { createHash } from 'node:crypto'
import {
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api'
import { SamplingDecision } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { keepWholeJourneys } from './sampler.ts'

const kept: SpanContext = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  traceFlags: TraceFlags.SAMPLED,
}
const left: SpanContext = { ...kept, traceFlags: TraceFlags.NONE }
const under = (parent: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, parent)

function isKept(
  share: number,
  parent: Context,
  causes: readonly SpanContext[] = [],
  traceId = kept.traceId,
) {
  const links = causes.map(context => ({ context }))
  const sampler = keepWholeJourneys(share)
  const { decision } = sampler.shouldSample(parent, traceId, 'x', SpanKind.SERVER, {}, links)
  return decision === SamplingDecision.RECORD_AND_SAMPLED
}

describe('a span with a parent', () => {
  test('is kept when its parent is, whatever the share', () => {
    expect(isKept(0, under(kept))).toBe(true)
    expect(isKept(1, under(left))).toBe(false)
  })
})

describe('a trace that links to its cause', () => {
  test('is kept when its cause is, whatever the share', () => {
    expect(isKept(0, ROOT_CONTEXT, [kept])).toBe(true)
    expect(isKept(1, ROOT_CONTEXT, [left])).toBe(false)
    expect(isKept(0, ROOT_CONTEXT, [left, kept])).toBe(true)
  })
})

describe('a request without either', () => {
  test('is kept by the share', () => {
    const ids = Array.from({ length: 2_000 }, (_, at) =>
      createHash('sha256').update(String(at)).digest('hex').slice(0, 32),
    )
    const share = (of: number) =>
      ids.filter(id => isKept(of, ROOT_CONTEXT, [], id)).length / ids.length
    expect(share(1)).toBe(1)
    expect(share(0)).toBe(0)
    expect(share(0.1)).toBeGreaterThan(0.05)
    expect(share(0.1)).toBeLessThan(0.15)
  })
})
