import { escapeMarkup, scale, tenth } from '@nightshift/load-tests/reporting/svg'

/** The fields of a result that the chart shows. */
export type RecoveryResult = Readonly<{
  title: string
  callersPerSecond: number
  phases: Readonly<{ beforeSeconds: number; troubleSeconds: number; afterSeconds: number }>
  arms: Readonly<Record<string, Readonly<{ title: string; servedEachSecond: readonly number[] }>>>
}>

const widthPx = 900
const heightPx = 380
const plot = { leftPx: 50, rightPx: 880, topPx: 56, bottomPx: 310 } as const
const lines = [
  { css: 'a', dashes: '' },
  { css: 'b', dashes: '7 4' },
  { css: 'c', dashes: '2 3' },
  { css: 'd', dashes: '' },
] as const
/** A point is the mean of so many seconds: callers who failed together come back together. */
const smoothSeconds = 5
const gridSeconds = 30
/** The room above the offered load, for those who come back after the trouble. */
const headroom = 1.5
const legendStepPx = 207

/**
 * Callers served per second, one line for each arm. The picture is readable on a light and on a dark
 * page, without colors, and by a screen reader.
 */
export function recoveryChart(result: RecoveryResult): string {
  const { title, callersPerSecond, phases } = result
  const { beforeSeconds, troubleSeconds, afterSeconds } = phases
  const most = callersPerSecond * headroom
  const x = scale(beforeSeconds + troubleSeconds + afterSeconds, plot.leftPx, plot.rightPx)
  const y = scale(most, plot.bottomPx, plot.topPx)
  const arms = Object.values(result.arms)
  const curves = arms.map(({ servedEachSecond }, at) => {
    const points = smooth(servedEachSecond).map(
      (served, second) => `${x(second + 0.5)},${y(Math.min(served, most))}`,
    )
    return `<polyline class="${lineOf(at).css}" ${dashed(at)}points="${points.join(' ')}"/>`
  })
  // Dashes are drawn above what is solid, so that two arms of the same height are both seen.
  const isDashed = (curve: string) => curve.includes('dasharray')
  const layered = curves.toSorted((one, other) => Number(isDashed(one)) - Number(isDashed(other)))
  const legend = arms.flatMap(({ title: name }, at) => {
    const left = plot.leftPx + at * legendStepPx
    const top = heightPx - 14
    return [
      `<line class="${lineOf(at).css}" ${dashed(at)}x1="${left}" y1="${top - 4}" x2="${left + 28}" y2="${top - 4}"/>`,
      `<text x="${left + 34}" y="${top}">${escapeMarkup(name)}</text>`,
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${widthPx} ${heightPx}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escapeMarkup(title)}</title>`,
    `<desc id="desc">${escapeMarkup(describe(result))}</desc>`,
    style,
    `<rect class="page" width="${widthPx}" height="${heightPx}"/>`,
    `<text x="${plot.leftPx}" y="22" class="head">Callers served per second, by the time since the trouble</text>`,
    ...troubleBand(result, x),
    ...axes(result, x, y),
    ...layered,
    ...legend,
    '</svg>\n',
  ].join('\n')
}

const style = `<style>
svg{--page:#fff;--ink:#24292f;--faint:#d0d7de;--band:#fff1e0;--a:#b3261e;--b:#8a6100;--c:#0b57d0;--d:#176639}
@media (prefers-color-scheme:dark){svg{--page:#0d1117;--ink:#e6edf3;--faint:#30363d;--band:#3a2a14;--a:#ff8a80;--b:#e3b341;--c:#79b8ff;--d:#56d364}}
.page{fill:var(--page)}.band{fill:var(--band)}text{font:13px system-ui,sans-serif;fill:var(--ink)}.head{font-size:15px;font-weight:600}
line,polyline{fill:none;stroke-width:2.5}.grid{stroke:var(--faint);stroke-width:1}.offered{stroke:var(--ink);stroke-width:1}
.a{stroke:var(--a)}.b{stroke:var(--b)}.c{stroke:var(--c)}.d{stroke:var(--d)}
</style>`

function troubleBand({ phases }: RecoveryResult, x: (second: number) => number): string[] {
  const { beforeSeconds: from, troubleSeconds } = phases
  const width = tenth(x(from + troubleSeconds) - x(from))
  const height = plot.bottomPx - plot.topPx
  return [
    `<rect class="band" x="${x(from)}" y="${plot.topPx}" width="${width}" height="${height}"/>`,
    `<text x="${x(from)}" y="${plot.topPx - 8}">trouble, ${troubleSeconds} s</text>`,
  ]
}

/** Seconds are counted from the end of the trouble. */
function axes(
  { callersPerSecond, phases }: RecoveryResult,
  x: (second: number) => number,
  y: (perSecond: number) => number,
): string[] {
  const healedAt = phases.beforeSeconds + phases.troubleSeconds
  const marks = Array.from(
    { length: Math.floor(phases.afterSeconds / gridSeconds) + 1 },
    (_, at) => at * gridSeconds,
  )
  const across = (css: string, value: number, more = '') =>
    `<line class="${css}" ${more}x1="${plot.leftPx}" y1="${y(value)}" x2="${plot.rightPx}" y2="${y(value)}"/>`
  return [
    across('grid', 0),
    across('offered', callersPerSecond, 'stroke-dasharray="1 5" '),
    `<text x="${plot.rightPx}" y="${y(callersPerSecond) - 6}" text-anchor="end">${callersPerSecond} callers come per second</text>`,
    `<text x="${plot.leftPx - 8}" y="${y(0) + 4}" text-anchor="end">0</text>`,
    `<text x="${plot.leftPx - 8}" y="${y(callersPerSecond) + 4}" text-anchor="end">${callersPerSecond}</text>`,
    ...marks.map(
      seconds =>
        `<text x="${x(healedAt + seconds)}" y="${plot.bottomPx + 20}" text-anchor="middle">${seconds} s</text>`,
    ),
  ]
}

/** The picture in words: what each arm serves before the trouble, and at the end. */
function describe({ callersPerSecond, phases, arms }: RecoveryResult): string {
  const { beforeSeconds, troubleSeconds, afterSeconds } = phases
  const ends = Object.values(arms).map(({ title, servedEachSecond }) => {
    const last = Math.round(mean(servedEachSecond.slice(-gridSeconds)))
    return `${title}: ${last} per second`
  })
  const what = `${callersPerSecond} callers come per second. After ${beforeSeconds} s there is trouble for ${troubleSeconds} s.`
  return `${what} Served at the end, ${afterSeconds} s later: ${ends.join('; ')}.`
}

function smooth(values: readonly number[]): number[] {
  const half = Math.floor(smoothSeconds / 2)
  return values.map((_, at) => mean(values.slice(Math.max(0, at - half), at + half + 1)))
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function lineOf(at: number): (typeof lines)[number] {
  return lines[at % lines.length] ?? lines[0]
}

function dashed(at: number): string {
  const { dashes } = lineOf(at)
  return dashes === '' ? '' : `stroke-dasharray="${dashes}" `
}
