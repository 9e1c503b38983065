import { escapeMarkup } from '../reporting/svg.ts'
import { type Lane, lanes, type Step, startOf } from './steps.ts'

/** One payment under its heading. */
export type Diagram = Readonly<{ heading: string; steps: readonly Step[] }>

const widthPx = 1_320
const rowPx = 22
const timePx = 78
const laneStepPx = 86
const textGapPx = 30
const headingPx = 62
const gapPx = 26
/** How far before the line of its receiver a refused arrow ends. */
const wallPx = 14
const msPerSecond = 1_000
const textMax = 64

/**
 * Draws payments below each other, on the same lanes. It is readable on a light and on a dark page,
 * without colours, and by a screen reader.
 */
export function sequenceDiagram(title: string, diagrams: readonly Diagram[]): string {
  const used = lanesOf(diagrams)
  let topPx = 0
  const drawn = diagrams.map(diagram => {
    const part = draw(diagram, used, topPx)
    topPx += headingPx + (diagram.steps.length + 1) * rowPx + gapPx
    return part
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${topPx}" role="img" aria-labelledby="title">`,
    `<title id="title">${escapeMarkup(title)}</title>`,
    style,
    `<rect class="page" width="${widthPx}" height="${topPx}"/>`,
    ...drawn,
    '</svg>\n',
  ].join('\n')
}

const style = `<style>
svg{--page:#fff;--ink:#24292f;--soft:#57606a;--faint:#d0d7de;--band:#fff1e0;--bad:#b3261e;--card:#176639}
@media (prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--soft:#9da7b1;--faint:#30363d;--band:#3a2a14;--bad:#ff8a80;--card:#56d364}}
.page{fill:var(--page)}.band{fill:var(--band)}text{font:12px system-ui,sans-serif;fill:var(--ink)}.head{font-size:15px;font-weight:600}
.lane{font-weight:600;text-anchor:middle}.time{fill:var(--soft);text-anchor:end}.life{stroke:var(--faint)}
path,line{fill:none;stroke:var(--ink);stroke-width:1.4}.tip{fill:var(--ink)}.repeated{stroke-dasharray:5 3}
.bad{stroke:var(--bad);stroke-width:2.4}.badly{fill:var(--bad)}.card{fill:var(--card);stroke:none}.dot{fill:var(--ink);stroke:none}
</style>`

/** The lanes that have a step, from left to right. */
function lanesOf(diagrams: readonly Diagram[]): Lane[] {
  const steps = diagrams.flatMap(diagram => diagram.steps)
  const used = new Set(steps.flatMap(({ from, to }) => (to ? [from, to] : [from])))
  return (Object.keys(lanes) as Lane[]).filter(lane => used.has(lane))
}

function draw({ heading, steps }: Diagram, used: readonly Lane[], topPx: number): string {
  const x = (lane: Lane) => timePx + laneStepPx / 2 + used.indexOf(lane) * laneStepPx
  const textPx = timePx + used.length * laneStepPx + textGapPx
  const firstRowPx = topPx + headingPx + rowPx / 2
  const lastRowPx = firstRowPx + steps.length * rowPx
  const startMs = startOf(steps)
  const y = (at: number) => firstRowPx + at * rowPx
  return [
    `<text class="head" x="8" y="${topPx + 24}">${escapeMarkup(heading)}</text>`,
    ...bandsOf(steps).map(({ from, until }) => {
      const height = (until - from) * rowPx
      const size = `width="${textPx - timePx - textGapPx / 2}" height="${height}"`
      return `<rect class="band" x="${timePx}" y="${y(from)}" ${size}/>`
    }),
    ...used.flatMap(lane => [
      `<text class="lane" x="${x(lane)}" y="${topPx + headingPx - 10}">${lanes[lane]}</text>`,
      `<line class="life" x1="${x(lane)}" y1="${topPx + headingPx - 4}" x2="${x(lane)}" y2="${lastRowPx}"/>`,
    ]),
    ...steps.flatMap((step, at) => [
      `<g data-step="${step.kind}" data-at="${step.from}">`,
      `<text class="time" x="${timePx - 8}" y="${y(at) + 4}">${timeText(step.t - startMs)}</text>`,
      ...mark(step, x, y(at)),
      `<text${isBad(step) ? ' class="badly"' : ''} x="${textPx}" y="${y(at) + 4}">${escapeMarkup(short(step.text))}</text>`,
      '</g>',
    ]),
  ].join('\n')
}

function mark({ kind, from, to }: Step, x: (lane: Lane) => number, y: number): string[] {
  const at = x(from)
  switch (kind) {
    case 'message':
    case 'answer':
    case 'repeated':
      return arrow(at, x(to ?? from), y, kind)
    case 'wall': {
      const before = x(to ?? from) - wallPx
      return [...arrow(at, before, y, kind), `<path class="bad" d="M${before} ${y - 9}v18"/>`]
    }
    case 'gave-up':
      return [`<path class="bad" d="M${at - 5} ${y - 5}l10 10m0 -10l-10 10"/>`]
    case 'fact':
      return [`<circle class="${from === 'truth' ? 'card' : 'dot'}" cx="${at}" cy="${y}" r="5"/>`]
    case 'folded':
      return [-5, 0, 5].map(down => `<circle class="dot" cx="${at}" cy="${y + down}" r="1.5"/>`)
    case 'fault-begin':
    case 'fault-end':
      return []
  }
}

function arrow(fromPx: number, toPx: number, y: number, kind: string): string[] {
  const back = toPx > fromPx ? -7 : 7
  const tip = `M${toPx} ${y}l${back} -4v8z`
  return [
    `<line class="${kind}" x1="${fromPx}" y1="${y}" x2="${toPx}" y2="${y}"/>`,
    `<path class="tip" d="${tip}"/>`,
  ]
}

function isBad({ kind }: Step): boolean {
  return kind === 'wall' || kind === 'gave-up' || kind === 'fault-begin'
}

/** Rows from the begin of a fault to its end. */
function bandsOf(steps: readonly Step[]): { from: number; until: number }[] {
  const bands: { from: number; until: number }[] = []
  let open = 0
  let from = 0
  steps.forEach(({ kind }, at) => {
    if (kind === 'fault-begin' && open++ === 0) from = at
    if (kind === 'fault-end' && --open === 0) bands.push({ from, until: at })
  })
  if (open > 0) bands.push({ from, until: steps.length })
  return bands
}

/** Milliseconds since the first request. */
export function timeText(ms: number): string {
  if (ms < 0) return ''
  return ms < msPerSecond ? `${ms.toFixed(1)} ms` : `${(ms / msPerSecond).toFixed(2)} s`
}

function short(text: string): string {
  return text.length > textMax ? `${text.slice(0, textMax - 1)}…` : text
}
