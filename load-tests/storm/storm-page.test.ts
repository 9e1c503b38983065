import { expect, test } from 'vitest'
import { type StormPage, stormPage } from './storm-page.ts'

const quiet = { began: 10, inTime: 10, late: 0, refused: 0, pending: 0, lost: 0 }
const page: StormPage = {
  title: 'A storm <with> "quotes"',
  seconds: [
    { at: 0, ...quiet },
    { at: 1, began: 70, inTime: 8, late: 2, refused: 57, pending: 2, lost: 1 },
  ],
  phases: [
    { title: 'steady', fromMs: 0, untilMs: 1_000 },
    { title: 'tenfold', fromMs: 1_000, untilMs: 2_000 },
  ],
  faults: [{ title: 'Kafka is killed', fromMs: 1_200, untilMs: 1_700 }],
  figures: { servedToSaturated: 0.95 },
}

test('the page shows each ending, the phases, the faults and the figures, and runs no script', () => {
  const html = stormPage(page)
  for (const text of ['served late', 'left while pending', 'tenfold', 'Kafka is killed', '0.95']) {
    expect(html).toContain(text)
  }
  expect(html).not.toMatch(/<script|onload=|http:\/\/(?!www\.w3\.org)/)
  expect(html).toContain('A storm &lt;with> &quot;quotes&quot;')
})

test('a second in which nothing ended in some way has no bar for it', () => {
  const bars = (html: string, colour: string) => html.split(`fill="${colour}"`).length - 1
  const html = stormPage(page)
  const inLegend = 1
  expect(bars(html, '#c62828')).toBe(1 + inLegend)
  expect(bars(html, '#2e7d32')).toBe(2 + inLegend)
})

test('a storm that was stopped before anybody came is still a page', () => {
  expect(stormPage({ ...page, seconds: [], faults: [] })).toContain('</svg>')
})
