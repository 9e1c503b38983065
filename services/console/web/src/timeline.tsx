import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { MomentView } from '../../src/http/look-routes.ts'
import type { Band, Mark, SeriesName } from '../../src/snapshot.ts'
import { LogList } from './log-list.tsx'
import { addressOf, moment } from './moment.ts'
import { history, snapshot } from './store.ts'
import { useAnswer } from './use-answer.ts'
import { short } from './words.ts'

type Line = Readonly<{ name: SeriesName; title: string; color: string; dash?: number[] }>
type Chart = Readonly<{ title: string; unit: string; lines: readonly Line[] }>

const charts: readonly Chart[] = [
  {
    title: 'Requests',
    unit: 'per second',
    lines: [
      { name: 'offered', title: 'offered by the load', color: 'quiet', dash: [1, 3] },
      { name: 'paid', title: 'payments taken', color: 'good' },
      { name: 'refused', title: 'refused', color: 'busy', dash: [6, 3] },
      { name: 'failed', title: 'failed', color: 'bad', dash: [2, 2] },
    ],
  },
  { title: 'Payment, p99', unit: 'ms', lines: [{ name: 'p99Ms', title: 'p99', color: 'plain' }] },
  {
    title: 'Open payments',
    unit: 'payments',
    lines: [{ name: 'openPayments', title: 'open', color: 'plain' }],
  },
  {
    title: 'Waiting',
    unit: 's',
    lines: [
      { name: 'oldestOpenSeconds', title: 'oldest open payment', color: 'plain' },
      { name: 'outboxAgeSeconds', title: 'oldest event in an outbox', color: 'busy', dash: [6, 3] },
      { name: 'stalledSeconds', title: 'consumer without progress', color: 'bad', dash: [2, 2] },
    ],
  },
  {
    title: 'Event loop',
    unit: 'ms late',
    lines: [{ name: 'loopLagMs', title: 'latest of all services', color: 'plain' }],
  },
  {
    title: 'Circuit breakers',
    unit: 'open',
    lines: [{ name: 'breakersOpen', title: 'open', color: 'bad' }],
  },
  { title: 'Memory', unit: 'MiB', lines: [{ name: 'memoryMiB', title: 'all', color: 'plain' }] },
]

const chartHeight = 130
/** A short history fills the chart; a long one shows its last fifteen minutes. */
const windowSecondsMin = 180
const windowSecondsMax = 900
const msPerSecond = 1_000
/** A moment that has just been may have spans that are not exported yet. */
const momentEveryMs = 3_000

/** The last fifteen minutes. All charts have one axis of time, and show the faults as bands. */
export function TimelineScreen() {
  return (
    <div class="timeline">
      <p class="hint">
        A shaded band is a fault, from its begin to its end. A vertical line is a restart. Choose a
        moment in a chart, or a fault, to see what was logged and traced around it.
      </p>
      <Faults />
      {moment.value !== undefined && <Moment at={moment.value} />}
      {charts.map(chart => (
        <TimeChart key={chart.title} chart={chart} />
      ))}
    </div>
  )
}

/** The bands in words. */
function Faults() {
  const bands = snapshot.value?.bands ?? []
  if (bands.length === 0) return <p>No fault in the last fifteen minutes.</p>
  return (
    <ul class="bands">
      {bands.slice(-8).map(({ name, from, until }) => (
        <li key={`${name} ${from}`}>
          <a href={addressOf(from)}>
            {new Date(from).toLocaleTimeString()} {name}
            {until === null ? ', open' : `, ${Math.round((until - from) / msPerSecond)} s`}
          </a>
        </li>
      ))}
    </ul>
  )
}

/** Warnings, errors and requests around one moment. */
function Moment({ at }: { at: number }) {
  const { answer, problem } = useAnswer<MomentView>(`/moment?at=${at}`, momentEveryMs)
  const { logs = [], traces = [], unseen } = answer ?? {}
  return (
    <section class="panel" aria-label="Around a moment">
      <h2>
        {new Date(at).toLocaleTimeString()} <span>three seconds before and after</span>
      </h2>
      {problem !== '' && <p class="bad">{problem}</p>}
      {unseen !== undefined && <p class="hint">Not seen: {unseen}</p>}
      <h3>Warnings and errors</h3>
      {logs.length === 0 ? <p>None is left in the logs.</p> : <LogList logs={logs} />}
      <h3>Requests</h3>
      {traces.length === 0 ? (
        <p>None is left in the traces.</p>
      ) : (
        <ul class="logs">
          {traces.map(({ traceId, service, name, durationMs, failed }) => (
            <li key={traceId}>
              <a href={`#/traces/${traceId}`}>
                {service}: {name}
              </a>{' '}
              {short(durationMs)} ms{failed && <span class="bad"> failed</span>}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function TimeChart({ chart }: { chart: Chart }) {
  const frame = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const { at = [], figures } = history.value ?? {}
  const data = [
    at.map(ms => ms / msPerSecond),
    ...chart.lines.map(({ name }) => [...(figures?.[name] ?? [])]),
  ] as uPlot.AlignedData
  const latest = chart.lines
    .map(({ name, title }) => `${title} ${describe(snapshot.value?.figures[name])}`)
    .join(', ')

  useEffect(() => {
    const element = frame.current
    if (!element) return
    const made = new uPlot(optionsFor(chart, element), [[]], element)
    plot.current = made
    made.over.addEventListener('click', () => {
      const { left = -1 } = made.cursor
      if (left < 0) return
      location.hash = addressOf(Math.round(made.posToVal(left, 'x') * msPerSecond))
    })
    const watching = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: chartHeight }),
    )
    watching.observe(element)
    return () => {
      watching.disconnect()
      made.destroy()
    }
  }, [chart])
  useEffect(() => plot.current?.setData(data))

  return (
    <section class="chart" aria-label={`${chart.title}, ${chart.unit}`}>
      <h2>
        {chart.title} <span>{chart.unit}</span>
      </h2>
      <p class="latest">{latest}</p>
      <div ref={frame} />
    </section>
  )
}

function describe(value: number | null | undefined): string {
  return value === null || value === undefined ? 'not seen' : short(value)
}

function optionsFor(chart: Chart, element: HTMLElement): uPlot.Options {
  const color = (name: string) => getComputedStyle(element).getPropertyValue(`--${name}`).trim()
  const axis = { stroke: color('quiet'), grid: { stroke: color('line') } }
  return {
    width: element.clientWidth,
    height: chartHeight,
    legend: { show: false },
    cursor: { sync: { key: 'time' }, drag: { x: false, y: false } },
    scales: {
      x: { range: () => windowOf(history.value?.at[0]) },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max ?? 0) * 1.1] },
    },
    axes: [axis, { ...axis, size: 56 }],
    series: [
      {},
      ...chart.lines.map(({ title, color: name, dash }) => ({
        label: title,
        stroke: color(name),
        width: 1.5,
        points: { show: false },
        ...(dash && { dash }),
      })),
    ],
    hooks: {
      drawClear: [
        made => drawFaults(made, snapshot.value?.bands ?? [], snapshot.value?.marks ?? [], color),
      ],
    },
  }
}

/** From when to when the charts show, in seconds since 1970. */
function windowOf(firstMs: number | undefined): [number, number] {
  const now = Date.now() / msPerSecond
  const age = now - (firstMs ?? Date.now()) / msPerSecond
  return [now - Math.min(windowSecondsMax, Math.max(windowSecondsMin, age)), now]
}

function drawFaults(
  plot: uPlot,
  bands: readonly Band[],
  marks: readonly Mark[],
  color: (name: string) => string,
): void {
  const { ctx, bbox } = plot
  const x = (ms: number) =>
    Math.min(
      bbox.left + bbox.width,
      Math.max(bbox.left, plot.valToPos(ms / msPerSecond, 'x', true)),
    )
  ctx.save()
  ctx.fillStyle = color('band')
  for (const { from, until } of bands) {
    const start = x(from)
    ctx.fillRect(start, bbox.top, Math.max(1, x(until ?? Date.now()) - start), bbox.height)
  }
  ctx.fillStyle = color('quiet')
  for (const { at } of marks) ctx.fillRect(x(at), bbox.top, 1, bbox.height)
  ctx.restore()
}
