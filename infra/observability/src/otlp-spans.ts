import type { StoredSpan } from './trace-store.ts'

type OtlpValue = {
  stringValue?: string
  intValue?: string | number
  doubleValue?: number
  boolValue?: boolean
}
type OtlpAttribute = { key: string; value: OtlpValue }
type OtlpSpan = {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind?: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  status?: { code?: number }
  attributes?: OtlpAttribute[]
  links?: { traceId: string; spanId: string }[]
}

/** The body of `POST /v1/traces` in JSON (https://opentelemetry.io/docs/specs/otlp/). */
export type OtlpTraces = {
  resourceSpans?: {
    resource?: { attributes?: OtlpAttribute[] }
    scopeSpans?: { spans?: OtlpSpan[] }[]
  }[]
}

const statusError = 2

/** @throws when a span lacks its times: then the body is not OTLP. */
export function spansOf(traces: OtlpTraces): StoredSpan[] {
  return (traces.resourceSpans ?? []).flatMap(({ resource, scopeSpans }) => {
    const service = attributesOf(resource?.attributes)['service.name'] ?? 'unknown'
    const spans = (scopeSpans ?? []).flatMap(scope => scope.spans ?? [])
    return spans.map(span => ({
      traceId: span.traceId,
      spanId: span.spanId,
      parentSpanId: span.parentSpanId || undefined,
      name: span.name,
      service,
      kind: span.kind ?? 0,
      startNanos: BigInt(span.startTimeUnixNano),
      endNanos: BigInt(span.endTimeUnixNano),
      failed: span.status?.code === statusError,
      attributes: attributesOf(span.attributes),
      links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
    }))
  })
}

function attributesOf(attributes: OtlpAttribute[] | undefined): Record<string, string> {
  return Object.fromEntries((attributes ?? []).map(({ key, value }) => [key, textOf(value)]))
}

function textOf(value: OtlpValue): string {
  return String(value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue ?? '')
}
