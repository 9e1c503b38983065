import { expect, test } from 'vitest'
import { renewLineLinks, wrongLineLinks } from './links-to-lines.ts'
import { type ReadText, readPages, readText } from './read-pages.ts'

test('every link to a line leads to a line that has the words it shows', () => {
  expect(readPages().flatMap(page => wrongLineLinks(page, readText))).toEqual([])
})

const claim = ['INSERT INTO keys', 'ON CONFLICT DO NOTHING', 'RETURNING key', 'INSERT'].join('\n')
const readClaim: ReadText = path => (path === 'services/src/claim.ts' ? claim : undefined)
const mistakesIn = (text: string) =>
  wrongLineLinks({ path: 'docs/patterns/key.md', text }, readClaim)

test.each([
  '[`ON CONFLICT`](../../services/src/claim.ts#L2)',
  '[ON CONFLICT](../../services/src/claim.ts#L2 "decides")',
  '[`RETURNING`](../../services/src/claim.ts#L1-L3)',
  '[the whole](../../services/src/claim.ts) and [a heading](other.md#l2)',
  '[elsewhere](https://example.org/claim.ts#L9)',
])('%s is right', text => {
  expect(mistakesIn(text)).toEqual([])
})

test.each([
  ['another line', '[`INSERT`](../../services/src/claim.ts#L2)', 'is on line 1, 4'],
  ['a line outside of the range', '[INSERT](../../services/src/claim.ts#L2-L3)', 'on line 1, 4'],
  ['a line that is not there', '[`ON`](../../services/src/claim.ts#L9)', 'is on line 2'],
  ['words that are not there', '[`MERGE`](../../services/src/claim.ts#L1)', 'is nowhere in it'],
  ['a file that is not there', '[`INSERT`](../services/src/claim.ts#L1)', 'no such file'],
])('a link to %s is found, with its place and where to look', (_what, text, message) => {
  const [mistake, ...others] = mistakesIn(`# A page\n\n${text}`)
  expect(mistake).toContain(message)
  expect(mistake).toMatch(/^docs\/patterns\/key\.md:3 /)
  expect(others).toEqual([])
})

test.each([
  ['[`ON`](../../services/src/claim.ts#L9)', '[`ON`](../../services/src/claim.ts#L2)'],
  ['[INSERT](../../services/src/claim.ts#L3)', '[INSERT](../../services/src/claim.ts#L4)'],
  ['[`INSERT`](../../services/src/claim.ts#L1)', '[`INSERT`](../../services/src/claim.ts#L1)'],
  ['[`MERGE`](../../services/src/claim.ts#L1)', '[`MERGE`](../../services/src/claim.ts#L1)'],
  ['[INSERT](../../services/src/claim.ts#L2-L3)', '[INSERT](../../services/src/claim.ts#L2-L3)'],
])('%s is renewed as %s', (text, renewed) => {
  expect(renewLineLinks({ path: 'docs/patterns/key.md', text }, readClaim)).toBe(renewed)
})
