import type { TraceSummary } from '@nightshift/observability/trace-store'
import type { LogEntry } from '../../src/clients/search-logs.ts'
import { LogList } from './log-list.tsx'
import { place } from './store.ts'
import { useAnswer } from './use-answer.ts'
import { short } from './words.ts'

type Span = Readonly<{
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  service: string
  startNanos: string
  endNanos: string
  failed: boolean
  attributes: Readonly<Record<string, string>>
}>

const everyMs = 3_000
const nanosPerMs = 1e6
const depthMax = 30

/** Recent requests, errors and slow ones first; one of them as a waterfall across Kafka. */
export function TracesScreen() {
  const [, traceId] = place.value
  return traceId === undefined ? <TraceList /> : <Waterfall traceId={traceId} />
}

function TraceList() {
  const { answer: traces, problem } = useAnswer<TraceSummary[]>('/traces', everyMs)
  if (problem !== '') return <p class="bad">The traces cannot be seen: {problem}</p>
  if (traces === undefined) return <p>Not seen yet.</p>
  if (traces.length === 0) return <p>No request was traced yet.</p>
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">request</th>
            <th scope="col">state</th>
            <th scope="col">ms</th>
            <th scope="col">spans</th>
            <th scope="col">began</th>
          </tr>
        </thead>
        <tbody>
          {traces.map(trace => (
            <tr key={trace.traceId}>
              <th scope="row">
                <a href={`#/traces/${trace.traceId}`}>
                  {trace.service}: {trace.name}
                </a>
              </th>
              <td class={trace.failed ? 'bad' : 'good'}>{trace.failed ? 'failed' : 'ok'}</td>
              <td class="number">{short(trace.durationMs)}</td>
              <td class="number">{trace.spans}</td>
              <td>{new Date(trace.startedAt).toLocaleTimeString()}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

type Row = Readonly<{ span: Span; depth: number }>

function Waterfall({ traceId }: { traceId: string }) {
  // Spans of services that work behind Kafka come in later.
  const { answer, problem } = useAnswer<{ traces: Span[][] }>(`/traces/${traceId}`, everyMs)
  const traces = answer?.traces ?? []
  const all = traces.flat()
  const startNanos = Math.min(...all.map(span => Number(span.startNanos)))
  const endNanos = Math.max(...all.map(span => Number(span.endNanos)))
  const wholeNanos = Math.max(1, endNanos - startNanos)
  return (
    <section aria-label="Waterfall">
      <p>
        <a href="#/traces">All traces</a>
      </p>
      {problem !== '' && <p class="bad">{problem}</p>}
      {traces.map((spans, index) => (
        <div key={spans[0]?.traceId}>
          <h2>
            {index === 0 ? 'trace' : 'caused by it'} <span>{spans[0]?.traceId}</span>
          </h2>
          <ol class="waterfall">
            {rowsOf(spans).map(({ span, depth }) => (
              <SpanRow
                key={span.spanId}
                span={span}
                depth={depth}
                startNanos={startNanos}
                wholeNanos={wholeNanos}
              />
            ))}
          </ol>
        </div>
      ))}
      <LogsOfTrace traceId={traceId} />
    </section>
  )
}

function LogsOfTrace({ traceId }: { traceId: string }) {
  const { answer, problem } = useAnswer<{ logs: LogEntry[] }>(`/logs?traceId=${traceId}`)
  const logs = answer?.logs ?? []
  return (
    <section aria-label="Log lines">
      <h2>
        Log lines <span>of this trace, from the end of the logs</span>
      </h2>
      {problem !== '' && <p class="hint">Not seen: {problem}</p>}
      {answer && logs.length === 0 && <p>None is left.</p>}
      <LogList logs={logs} />
    </section>
  )
}

function SpanRow(props: Row & { startNanos: number; wholeNanos: number }) {
  const { span, depth, startNanos, wholeNanos } = props
  const from = (Number(span.startNanos) - startNanos) / wholeNanos
  const length = (Number(span.endNanos) - Number(span.startNanos)) / wholeNanos
  const ms = (Number(span.endNanos) - Number(span.startNanos)) / nanosPerMs
  return (
    <li>
      <details>
        <summary>
          <span class="span-name" style={{ paddingLeft: `${depth}em` }}>
            {span.service}: {span.name}
            {span.failed && <span class="bad"> failed</span>}
          </span>
          <span class="number">{short(ms)} ms</span>
          <span class="track" aria-hidden="true">
            <span
              class={span.failed ? 'bar failed' : 'bar'}
              style={{ left: `${from * 100}%`, width: `max(2px, ${length * 100}%)` }}
            />
          </span>
        </summary>
        <dl>
          {Object.entries(span.attributes).map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </>
          ))}
        </dl>
      </details>
    </li>
  )
}

/** The spans in the order of a tree. One whose parent was never exported stands at the top. */
function rowsOf(spans: readonly Span[]): Row[] {
  const ids = new Set(spans.map(span => span.spanId))
  const below = (parent: string | undefined, depth: number): Row[] =>
    spans
      .filter(span =>
        parent === undefined
          ? span.parentSpanId === undefined || !ids.has(span.parentSpanId)
          : span.parentSpanId === parent,
      )
      .toSorted((a, b) => Number(a.startNanos) - Number(b.startNanos))
      .flatMap(span => [
        { span, depth },
        ...(depth < depthMax ? below(span.spanId, depth + 1) : []),
      ])
  return below(undefined, 0)
}
