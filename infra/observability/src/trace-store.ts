/** The fields of OTLP/JSON that a waterfall shows. */
export type StoredSpan = {
  traceId: string
  spanId: string
  parentSpanId: string | undefined
  name: string
  service: string
  kind: number
  startNanos: bigint
  endNanos: bigint
  failed: boolean
  attributes: Readonly<Record<string, string>>
  /** Traces that caused this span. */
  links: readonly { traceId: string; spanId: string }[]
}

/** A trace may have many spans, and a span long attributes, so the bytes count besides the traces. */
const storeBounds = { tracesMax: 5_000, bytesMax: 64 * 1024 * 1024 }
const spansPerTraceMax = 1_000
const linkedTracesMax = 50
/**
 * A span, and an attribute or link of it, count this much besides their texts. 40,000 usual spans need half
 * of what is counted for them.
 */
const spanBytes = 600
const entryBytes = 100

export type TraceStore = {
  add: (spans: readonly StoredSpan[]) => void
  /** A trace with every trace that caused it or that it caused, in the order of their start. */
  linkedTo: (traceId: string) => StoredSpan[][]
  /** The newest traces that a request began, newest first. Those that another trace caused are left out. */
  recent: (most: number, began?: Interval) => TraceSummary[]
  size: () => StoreSize
}

/** `causes` counts the traces of which an effect is known, also those that are not kept. */
export type StoreSize = Readonly<{ traces: number; bytes: number; causes: number }>

/** In milliseconds since 1970. */
export type Interval = Readonly<{ from: number; to: number }>

/** A trace as one line of a list. */
export type TraceSummary = Readonly<{
  traceId: string
  service: string
  name: string
  /** Milliseconds since 1970. */
  startedAt: number
  durationMs: number
  failed: boolean
  spans: number
}>

/** Keeps the newest traces in memory, bounded in number and bytes. */
export function createTraceStore(bounds = storeBounds): TraceStore {
  const traces = new Map<string, StoredSpan[]>()
  /** A cause may come after its effect, so an effect is known for as long as it is kept itself. */
  const effects = new Map<string, Set<string>>()
  let bytes = 0

  const forgetOldest = () => {
    const [oldest] = traces
    if (oldest === undefined) return
    const [id, spans] = oldest
    traces.delete(id)
    effects.delete(id)
    for (const span of spans) {
      bytes -= bytesOf(span)
      for (const { traceId } of span.links) {
        const known = effects.get(traceId)
        known?.delete(id)
        if (known?.size === 0) effects.delete(traceId)
      }
    }
  }
  const keep = (span: StoredSpan) => {
    const trace = traces.get(span.traceId) ?? []
    if (trace.length >= spansPerTraceMax) return
    trace.push(span)
    traces.set(span.traceId, trace)
    bytes += bytesOf(span)
    for (const { traceId } of span.links) {
      const known = effects.get(traceId) ?? new Set()
      effects.set(traceId, known.add(span.traceId))
    }
  }
  return {
    add: spans => {
      for (const span of spans) {
        keep(span)
        while (traces.size > bounds.tracesMax || bytes > bounds.bytesMax) forgetOldest()
      }
    },
    linkedTo: traceId => {
      const found = new Map<string, StoredSpan[]>()
      const queue = [traceId]
      for (const id of queue) {
        const spans = traces.get(id)
        if (!spans || found.has(id) || found.size >= linkedTracesMax) continue
        found.set(id, spans)
        queue.push(...(effects.get(id) ?? []))
        queue.push(...spans.flatMap(span => span.links.map(link => link.traceId)))
      }
      return [...found.values()].sort((a, b) => Number(startOf(a) - startOf(b)))
    },
    recent: (most, { from, to } = always) => {
      const summaries: TraceSummary[] = []
      for (const [traceId, spans] of [...traces].toReversed()) {
        if (summaries.length >= most) break
        const summary = summarize(traceId, spans)
        if (summary && summary.startedAt >= from && summary.startedAt <= to) summaries.push(summary)
      }
      return summaries
    },
    size: () => ({ traces: traces.size, bytes, causes: effects.size }),
  }
}

/** The memory that a span needs at most: a character is one byte or two. */
function bytesOf({ name, service, attributes, links }: StoredSpan): number {
  const entries = Object.entries(attributes)
  const chars = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0)
  const texts = 2 * (chars + name.length + service.length)
  return spanBytes + texts + entryBytes * (entries.length + links.length)
}

const nanosPerMs = 1_000_000n
const always: Interval = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }

/** SPAN_KIND_SERVER in OTLP: a request that was received. */
const serverKind = 2

/**
 * Nothing for a trace whose first span has not arrived yet, or that continues another one. A caller may
 * trace its requests too, and export that elsewhere: then the first request that was received is the root.
 */
function summarize(traceId: string, spans: readonly StoredSpan[]): TraceSummary | undefined {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const [root] = spans
    .filter(({ parentSpanId, links, kind }) => {
      if (links.length > 0) return false
      return parentSpanId === undefined || (kind === serverKind && !ids.has(parentSpanId))
    })
    .toSorted((a, b) => Number(a.startNanos - b.startNanos))
  if (root === undefined) return undefined
  const { service, name, startNanos, endNanos } = root
  return {
    traceId,
    service,
    name,
    startedAt: Number(startNanos / nanosPerMs),
    durationMs: Number(endNanos - startNanos) / Number(nanosPerMs),
    failed: spans.some(span => span.failed),
    spans: spans.length,
  }
}

function startOf(spans: readonly StoredSpan[]): bigint {
  const [first = 0n] = spans.map(span => span.startNanos).sort((a, b) => Number(a - b))
  return first
}
