import { describe, expect, test } from 'vitest'
import { type Allowed, figureMistakes, renewFigures, staleEntries } from './figures.ts'
import { readPages, readResult } from './read-pages.ts'

/** Numbers beside a measuring word that are settings or limits. Each entry is one more exception. */
const allowed: readonly Allowed[] = [
  {
    page: 'infra/faults/README.md',
    text: 'at most 25 KB/s',
    why: 'what the example of a toxic asks for',
  },
  {
    page: 'infra/faults/README.md',
    text: 'Beyond 1 MiB per delay, latency therefore limits throughput',
    why: 'a bound of the delay line',
  },
  {
    page: 'infra/simulators/card-provider/README.md',
    text: '1 to 1000 per second',
    why: 'what a setting can be turned to',
  },
]
const allowedMax = 15

test('every measured figure on a page is in a result, as it is written there', () => {
  expect(readPages().flatMap(page => figureMistakes(page, readResult, allowed))).toEqual([])
})

test('every exception is needed, and they are few', () => {
  expect(staleEntries(readPages(), allowed)).toEqual([])
  expect(allowed.length).toBeLessThan(allowedMax)
})

const outbox = {
  name: 'outbox',
  arms: {
    naive: { median: { eventsLost: 9, p50Ms: 0.3449, bytes: 12_345 }, range: { lost: [7, 11] } },
  },
}
const results = (path: string) => (path === 'load-tests/results/outbox.json' ? outbox : undefined)
const mistakesIn = (text: string, path = 'README.md') => figureMistakes({ path, text }, results)

const to = (steps: string) => `load-tests/results/outbox.json#arms.naive.${steps}`

describe('a figure is', () => {
  test.each([
    ['what its result says', `[9 of 43](${to('median.eventsLost')}) events were lost`],
    ['rounded as it is written', `the median is [0.34 ms](${to('median.p50Ms')})`],
    ['written with commas', `[12,345 bytes](${to('median.bytes')})`],
    ['one of a range', `[7](${to('range.lost.0')}) to [11](${to('range.lost.1')})`],
    ['only shown in code', 'A test wrote `median 0.3 ms`:\n\n```\np50 0.3 ms, 35 MB/s\n```'],
    [
      'made from the result itself',
      '<!-- results: made by `npm run docs` -->\n| median |\n|---|\n| 9 lost |\n<!-- end of results -->',
    ],
  ])('right when it is %s', (_, text) => {
    expect(mistakesIn(text)).toEqual([])
  })

  test.each([
    ['what its result does not say', `[8 of 43](${to('median.eventsLost')})`, 'the result has 9'],
    ['rounded wrongly', `[0.35 ms](${to('median.p50Ms')})`, 'the result has 0.3449'],
    ['at no such place', `[9](${to('median.eventsGone')})`, 'no such number'],
    ['not a number there', `[9](${to('median')})`, 'no such number'],
    ['not shown', `[many](${to('median.eventsLost')})`, 'shows no number'],
    ['in no such result', '[9](load-tests/results/inbox.json#arms.with)', 'no such number'],
    ['in a file that is no result', '[9](package.json#version)', 'no such number'],
  ])('wrong when it is %s', (_, text, why) => {
    expect(mistakesIn(text)).toEqual([expect.stringContaining(why)])
  })

  test('looked up from the page that names it', () => {
    const figure = '[9](../../load-tests/results/outbox.json#arms.naive.median.eventsLost)'
    expect(mistakesIn(figure, 'infra/faults/README.md')).toEqual([])
    expect(mistakesIn(figure, 'README.md')).toHaveLength(1)
  })
})

describe('a figure that names no result', () => {
  test.each([
    'The median was 0.3 ms.',
    'Measured on two cores: 35 requests at once.',
    'The p99 stays below 40 ms.',
    'On average 3 events are lost.',
    'It writes 350 MB/s.',
    'It carries 1,500/s and more.',
    'It answers 40 per second.',
    'The proxy took 12 s.',
    'A virtual user takes about 500 KiB.',
    'Both lines cost k6 well under 0.1 ms.',
    'The whole night needs some 2 GiB.',
    'It uses 0.6 s of CPU.',
    'In memory it holds 64 MiB.',
    'Two lines of one paragraph, measured\nhere: 35.',
    '- The median\n  was 7.',
    '| way | added to the median |\n|---|---|\n| direct | 0.3 ms |',
    `The median was [9](${to('median.eventsLost')}), and 43 before.`,
  ])('is found: %s', text => {
    expect(mistakesIn(text)).toEqual([expect.stringContaining('no result is named')])
  })

  test.each([
    'A lease is 30 s.',
    'The answer comes within 3.5 s.',
    'After 7 s they give up; 3 in 100 cards are bad.',
    'The p99 of version 2.12.0 and the median of L5 are names.',
    'It takes `PORT` and listens on 127.0.0.1.',
    'The median is in the result.',
    '1. The median comes first.',
    'It needs Node 18.',
    '- The median.\n- A lease is 30 s.',
    '| limit | value |\n|---|---|\n| lease | 30 s |',
  ])('is not: %s', text => {
    expect(mistakesIn(text)).toEqual([])
  })

  test('may stay where an exception says why', () => {
    const page = { path: 'README.md', text: 'The median of 3 rounds.' }
    const entry = { page: 'README.md', text: 'of 3 rounds', why: 'a setting' }
    expect(figureMistakes(page, results, [entry])).toEqual([])
    expect(staleEntries([page], [entry])).toEqual([])
    expect(staleEntries([{ ...page, text: 'gone' }], [entry])).toHaveLength(1)
  })
})

test('figures are renewed as they are written, and nothing else is touched', () => {
  const text = [
    `[8 of 43](${to('median.eventsLost')}), [0.2 ms](${to('median.p50Ms')})`,
    `[1,000](${to('median.bytes')}) \`[8](${to('median.eventsLost')})\``,
    `[5](${to('median.gone')})`,
  ].join('\n')
  expect(renewFigures({ path: 'README.md', text }, results)).toBe(
    [
      `[9 of 43](${to('median.eventsLost')}), [0.3 ms](${to('median.p50Ms')})`,
      `[12,345](${to('median.bytes')}) \`[8](${to('median.eventsLost')})\``,
      `[5](${to('median.gone')})`,
    ].join('\n'),
  )
})
