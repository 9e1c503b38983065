import { expect, test } from 'vitest'
import { linkPromises } from './promises-page.ts'

const codes = ['S4', 'S4b', 'L6']
const linked = (text: string, path = 'docs/glossary.md') => linkPromises({ path, text }, codes)

test.each([
  ['(S4)', '([S4](promises.md#s4))'],
  [
    'S4, S4b and **L6**',
    '[S4](promises.md#s4), [S4b](promises.md#s4b) and **[L6](promises.md#l6)**',
  ],
  ['| S4 |', '| [S4](promises.md#s4) |'],
  ['[S4](promises.md#s4)', '[S4](promises.md#s4)'],
  ['[every event (S4)](promises.md#s4)', '[every event (S4)](promises.md#s4)'],
  ['`S4`, S9, XS4 and S4-like', '`S4`, S9, XS4 and S4-like'],
  ['```\nS4\n```', '```\nS4\n```'],
])('%s becomes %s', (text, expected) => {
  expect(linked(text)).toBe(expected)
})

test('the link leads from the folder of the page to the page of promises', () => {
  expect(linked('S4', 'services/payments/README.md')).toBe('[S4](../../docs/promises.md#s4)')
  expect(linked('S4', 'README.md')).toBe('[S4](docs/promises.md#s4)')
})

test('the page of promises itself stays as it is', () => {
  expect(linked('S4', 'docs/promises.md')).toBe('S4')
})
