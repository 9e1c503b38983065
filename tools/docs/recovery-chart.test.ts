import { expect, test } from 'vitest'
import { recoveryChart } from './recovery-chart.ts'

const arm = (title: string, served: number) => ({
  title,
  servedEachSecond: Array.from({ length: 75 }, (_, second) => (second < 10 ? 40 : served)),
})
const result = {
  title: 'A trouble <of 5 s>',
  callersPerSecond: 40,
  phases: { beforeSeconds: 10, troubleSeconds: 5, afterSeconds: 60 },
  arms: { naive: arm('nothing', 0), with: arm('all', 40) },
}
const svg = recoveryChart(result)

test('the picture has a title and says in words what it shows', () => {
  expect(svg).toContain('<title id="title">A trouble &lt;of 5 s></title>')
  expect(svg).toMatch(
    /<desc[^>]*>.*60 s later: nothing: 0 per second; all: 40 per second\.<\/desc>/,
  )
  expect(svg).toContain('role="img" aria-labelledby="title desc"')
})

test('each arm has a curve of its own, with a point for each second', () => {
  const curves = [...svg.matchAll(/<polyline class="(.)" .*?points="([^"]+)"/g)]
  expect(curves.map(([, css, points = '']) => [css, points.split(' ').length])).toEqual([
    ['a', 75],
    ['b', 75],
  ])
})

test('it has colors for a dark page, runs no script and loads nothing', () => {
  expect(svg).toContain('prefers-color-scheme:dark')
  expect(svg).not.toMatch(/<script|href|url\(|http:\/\/(?!www\.w3\.org)/)
})
