import type { LinkedTraces } from './trace-sink.ts'

type Span = LinkedTraces['traces'][number][number]

const barColumns = 40
const nameColumns = 46
const nanosPerMs = 1e6

/** Draws linked traces, one line for each span, on one common time axis. */
export function drawWaterfall({ traces }: LinkedTraces): string {
  const all = traces.flat()
  const startNanos = Math.min(...all.map(span => Number(span.startNanos)))
  const endNanos = Math.max(...all.map(span => Number(span.endNanos)))
  const scale = { startNanos, nanosPerColumn: Math.max(1, endNanos - startNanos) / barColumns }
  const lines = traces.flatMap((spans, index) => [
    ...(index === 0 ? [] : ['']),
    headingOf(spans, index),
    ...childrenOf(spans, undefined).flatMap(root => drawTree(spans, root, 0, scale)),
  ])
  const total = ((endNanos - startNanos) / nanosPerMs).toFixed(1)
  return [...lines, '', `${all.length} spans in ${traces.length} traces, ${total} ms`].join('\n')
}

function headingOf(spans: Span[], index: number): string {
  const cause = spans.flatMap(span => span.links)[0]
  const why = index > 0 && cause ? `, caused by span ${cause.spanId} of ${cause.traceId}` : ''
  return `trace ${spans[0]?.traceId}${why}`
}

/** A span whose parent was never exported is drawn as a root, so that it is not missing. */
function childrenOf(spans: Span[], parent: Span | undefined): Span[] {
  const ids = new Set(spans.map(span => span.spanId))
  const isChild = (span: Span) =>
    parent
      ? span.parentSpanId === parent.spanId
      : span.parentSpanId === undefined || !ids.has(span.parentSpanId)
  return spans.filter(isChild).sort((a, b) => Number(a.startNanos) - Number(b.startNanos))
}

const depthMax = 30

function drawTree(
  spans: Span[],
  span: Span,
  depth: number,
  scale: { startNanos: number; nanosPerColumn: number },
): string[] {
  const begin = Number(span.startNanos) - scale.startNanos
  const lengthNanos = Number(span.endNanos) - Number(span.startNanos)
  const from = Math.min(barColumns - 1, Math.floor(begin / scale.nanosPerColumn))
  const columns = Math.max(1, Math.round(lengthNanos / scale.nanosPerColumn))
  const bar = `${' '.repeat(from)}${'█'.repeat(Math.min(columns, barColumns - from))}`
  const label = `${'  '.repeat(depth)}${span.service}: ${span.name}${span.failed ? ' (failed)' : ''}`
  const ms = (lengthNanos / nanosPerMs).toFixed(1).padStart(8)
  const line = `${label.slice(0, nameColumns).padEnd(nameColumns)} ${ms} ms  ${bar}`
  if (depth >= depthMax) return [line]
  const below = childrenOf(spans, span).flatMap(child => drawTree(spans, child, depth + 1, scale))
  return [line, ...below]
}
