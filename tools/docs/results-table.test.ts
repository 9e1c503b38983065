import { expect, test } from 'vitest'
import { describeArm, experimentsTable, type Pattern, patternsTable } from './results-table.ts'

const result = {
  name: 'outbox',
  kind: 'experiment',
  title: 'It dies',
  outcome: 'proved',
  shows: { figure: 'eventsLost', of: 'payments', unit: 'events lost' },
  arms: {
    naive: {
      median: { eventsLost: 7, payments: 40 },
      range: { eventsLost: [5, 9] as [number, number] },
    },
    with: {
      median: { eventsLost: 0, payments: 40 },
      range: { eventsLost: [0, 0] as [number, number] },
    },
  },
}

test('a row of an experiment has the medians, the ranges and a link to the result', () => {
  expect(experimentsTable([result], '../').split('\n').at(-1)).toBe(
    '| [outbox](../load-tests/results/outbox.json) | It dies | 7 of 40 events lost (5 to 9) | 0 of 40 events lost (0 to 0) |',
  )
})

test('a figure that can be more than its whole is not called a part of it', () => {
  const arm = (requests: number) => ({ median: { requests, callers: 40 }, range: {} })
  const shows = { figure: 'requests', of: 'callers', unit: 'requests' }
  const more = { shows, arms: { naive: arm(160), with: arm(38) } }
  expect(describeArm(more, 'naive')).toBe('160 requests, for 40 callers')
  expect(describeArm(more, 'with')).toBe('38 requests, for 40 callers')
})

test('an arm that a matrix does not have is a dash', () => {
  expect(describeArm({ ...result, arms: { with: result.arms.with } }, 'naive')).toBe('–')
})

test('a result of another kind is no experiment', () => {
  expect(experimentsTable([{ ...result, kind: 'grid' }], '').split('\n')).toHaveLength(2)
})

const outbox: Pattern = {
  name: 'outbox',
  title: 'Outbox',
  fault: 'the process dies',
  files: { pattern: 'src/outbox/outbox.ts', test: 'test/outbox.integration.test.ts' },
}
const page = 'packages/patterns/src/outbox/README.md'
const header =
  '/**\n * Fault:    x\n * Without:  load-tests/results/outbox.json (events lost).\n */'
const rowWith = (files: Readonly<Record<string, string>>) =>
  patternsTable([outbox], [result], path => files[path])
    .split('\n')
    .at(-1)

test('a row of a pattern has its page, and the result that its code names', () => {
  expect(rowWith({ [page]: '# Outbox', 'packages/patterns/src/outbox/outbox.ts': header })).toBe(
    `| [Outbox](${page}) | the process dies | 7 of 40 events lost | 0 of 40 events lost | [outbox](load-tests/results/outbox.json) |`,
  )
})

test('a pattern without a page or a result has its folder, and the test that shows the difference', () => {
  expect(rowWith({})).toBe(
    '| [Outbox](packages/patterns/src/outbox) | the process dies | – | – | [test](packages/patterns/test/outbox.integration.test.ts) |',
  )
})
