import { describe, expect, test } from 'vitest'
import { renewFigures, wrongFigures } from './figures.ts'
import { readPages, readResult } from './read-pages.ts'

test('every figure that links to a result is the number in the result', () => {
  expect(readPages().flatMap(page => wrongFigures(page, readResult))).toEqual([])
})

const outbox = {
  name: 'outbox',
  arms: {
    naive: { median: { eventsLost: 9, p50Ms: 0.3449, bytes: 12_345 }, range: { lost: [7, 11] } },
  },
}
const results = (path: string) => (path === 'load-tests/results/outbox.json' ? outbox : undefined)
const wrongIn = (text: string, path = 'README.md') => wrongFigures({ path, text }, results)

const to = (steps: string) => `load-tests/results/outbox.json#arms.naive.${steps}`

describe('a figure is', () => {
  test.each([
    ['what its result says', `[9 of 43](${to('median.eventsLost')}) events were lost`],
    ['rounded as it is written', `the median is [0.34 ms](${to('median.p50Ms')})`],
    ['written with commas', `[12,345 bytes](${to('median.bytes')})`],
    ['one of a range', `[7](${to('range.lost.0')}) to [11](${to('range.lost.1')})`],
    [
      'only shown in code',
      `\`[8](${to('median.eventsLost')})\`\n\n\`\`\`\n[8](${to('median.p50Ms')})\n\`\`\``,
    ],
    ['no link', 'The median was 0.3 ms.'],
  ])('right when it is %s', (_, text) => {
    expect(wrongIn(text)).toEqual([])
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
    expect(wrongIn(text)).toEqual([expect.stringContaining(why)])
  })

  test('looked up from the page that names it', () => {
    const figure = '[9](../../load-tests/results/outbox.json#arms.naive.median.eventsLost)'
    expect(wrongIn(figure, 'infra/faults/README.md')).toEqual([])
    expect(wrongIn(figure, 'README.md')).toHaveLength(1)
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
