import { type Band, escapeMarkup, scale, tenth } from '../reporting/svg.ts'
import type { Second } from './storm-figures.ts'

export type StormPage = Readonly<{
  title: string
  seconds: readonly Second[]
  phases: readonly Band[]
  faults: readonly Band[]
  figures: Readonly<Record<string, number>>
}>

const widthPx = 1_100
const heightPx = 220
const leftPx = 50
const bottomPx = 30
const msPerSecond = 1_000
const nextSecondPx = 0.5

type Layer = Readonly<{ name: string; colour: string; of: (second: Second) => number }>

const served: readonly Layer[] = [
  { name: 'served in time', colour: '#2e7d32', of: ({ inTime }) => inTime },
  { name: 'served late', colour: '#c0a000', of: ({ late }) => late },
]
const unserved: readonly Layer[] = [
  { name: 'refused', colour: '#90a4ae', of: ({ refused }) => refused },
  { name: 'left while pending', colour: '#ef6c00', of: ({ pending }) => pending },
  { name: 'lost', colour: '#c62828', of: ({ lost }) => lost },
]

/** One page about a storm: what happened to those who came in each second. It needs no scripts. */
export function stormPage(page: StormPage): string {
  const rows = Object.entries(page.figures).map(
    ([name, value]) => `<tr><td>${escapeMarkup(name)}</td><td>${value}</td></tr>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeMarkup(page.title)}</title>
<style>body{font:14px/1.5 system-ui,sans-serif;margin:2em;max-width:${widthPx + leftPx}px}
td{padding:0 1em 0 0}td+td{text-align:right}svg{display:block}
text{font:11px system-ui,sans-serif}</style></head><body>
<h1>${escapeMarkup(page.title)}</h1>
<p>Each bar is one second of arrivals, and how those employers ended. Bands are faults.</p>
<h2>Served</h2>${chart(page, served)}
<h2>Not served</h2>${chart(page, unserved)}
<h2>Figures</h2><table>${rows.join('')}</table>
</body></html>
`
}

function chart({ seconds, phases, faults }: StormPage, layers: readonly Layer[]): string {
  const lastMs = Math.max(seconds.length * msPerSecond, ...phases.map(({ untilMs }) => untilMs))
  const most = Math.max(1, ...seconds.map(second => sum(layers.map(({ of }) => of(second)))))
  const x = scale(lastMs, leftPx, leftPx + widthPx)
  const y = scale(most, heightPx, 0)
  const barPx = Math.max(1, tenth((msPerSecond / lastMs) * widthPx - nextSecondPx))

  const bands = faults.map(({ title, fromMs, untilMs }, at) => {
    const until = Math.min(lastMs, Math.max(untilMs, fromMs + msPerSecond))
    const row = 12 + (at % 3) * 13
    return `<rect x="${x(fromMs)}" y="0" width="${tenth(x(until) - x(fromMs))}" height="${heightPx}" fill="#ffe0b2"/>
<text x="${x(fromMs) + 2}" y="${row}">${escapeMarkup(title)}</text>`
  })
  const bars = seconds.flatMap(second => {
    let below = 0
    return layers.map(({ colour, of }) => {
      const count = of(second)
      below += count
      if (count === 0) return ''
      const top = y(below)
      const height = tenth(y(below - count) - top)
      return `<rect x="${x(second.at * msPerSecond)}" y="${top}" width="${barPx}" height="${height}" fill="${colour}"/>`
    })
  })
  const borders = phases.map(
    ({
      title,
      fromMs,
    }) => `<line x1="${x(fromMs)}" y1="0" x2="${x(fromMs)}" y2="${heightPx}" stroke="#888"/>
<text x="${x(fromMs) + 3}" y="${heightPx + 14}">${escapeMarkup(title)}</text>`,
  )
  const legend = layers.map(
    ({ name, colour }, at) =>
      `<rect x="${leftPx + at * 160}" y="${heightPx + 20}" width="9" height="9" fill="${colour}"/>
<text x="${leftPx + at * 160 + 13}" y="${heightPx + 28}">${name}</text>`,
  )
  const ends = `<text x="4" y="10">${most} / s</text><text x="4" y="${heightPx}">0</text>`
  const size = `width="${widthPx + leftPx}" height="${heightPx + bottomPx}"`
  const parts = [...bands, ...bars, ...borders, ...legend, ends].filter(part => part !== '')
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${parts.join('\n')}\n</svg>`
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
