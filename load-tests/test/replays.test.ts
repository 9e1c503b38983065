import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { describe, expect, test } from 'vitest'
import { experiments } from '../experiments/all.ts'
import type { Replay } from '../replay/run-replay.ts'

const directory = join(repoRoot, 'docs/replays')
const read = (file: string) => readFileSync(join(directory, file), 'utf8')

test('every experiment with two arms has a replay, and there is no other', () => {
  const files = readdirSync(directory).filter(file => file.endsWith('.json'))
  expect(files.toSorted()).toEqual(experiments.map(({ name }) => `${name}.json`).toSorted())
})

test.each(experiments)('the page of $pattern links to the replay of $name', ({ name, pattern }) => {
  const page = readFileSync(join(repoRoot, `packages/patterns/src/${pattern}/README.md`), 'utf8')
  expect(page).toContain(`docs/replays/${name}.svg`)
})

describe.each(experiments.map(({ name }) => name))('%s', name => {
  const replay = JSON.parse(read(`${name}.json`)) as Replay
  const page = read(`${name}.html`)
  const picture = read(`${name}.svg`)
  const arms = [replay.arms.naive, replay.arms.with]

  test('was recorded from a clean commit, and has no secret and no address of a person', () => {
    expect(replay).toMatchObject({ name, kind: 'replay', dirty: false })
    // The id of a mail is no address. A place in a topic is written like payments.v1/0@1.
    const recorded = JSON.stringify(arms.map(({ payment }) => [payment.rows, payment.spans]))
    const others = recorded.replaceAll('@nightshift.invalid', '')
    expect(others).not.toMatch(/@[a-z]|pm_card|sk_|ns_test_|Bearer/i)
  })

  test('shows the difference: a promise is only broken without the pattern', () => {
    expect(replay.arms.naive.shown).toBeGreaterThan(replay.arms.with.shown)
    expect(replay.arms.with.payment.broken).toEqual([])
  })

  // The page counts in replay-page.ts. This counts again, in the lines of the file as text.
  const lines = arms.map(({ payment }) => ({
    requests: count(payment.rows.history, '"type":"invoke"'),
    unanswered: count(payment.rows.history, '"status":0'),
    charges:
      count(payment.rows.provider, '"type":"intent.succeeded"') +
      count(payment.rows.provider, '"type":"intent.captured"'),
    booked: count(payment.rows.ledgerTransactions, '"source":"capture"'),
    events: count(payment.rows.records, '"eventId":'),
    mails: count(payment.rows.mails, '"type":"mail.accepted"'),
  }))

  test.each([
    ['requests of the client', lines.map(({ requests }) => requests)],
    ['requests without an answer', lines.map(({ unanswered }) => unanswered)],
    ['charges of the card', lines.map(({ charges }) => charges)],
    ['charges in the ledger', lines.map(({ booked }) => booked)],
    ['events in Kafka', lines.map(({ events }) => events)],
    ['mails accepted', lines.map(({ mails }) => mails)],
  ] as const)('the page says how many %s were recorded', (what, counted) => {
    const row = page.split('\n').find(line => line.includes(`<th scope="row">${what}</th>`)) ?? ''
    expect([...row.matchAll(/<td>(\d+)<\/td>/g)].map(([, cell]) => Number(cell))).toEqual(counted)
  })

  test('each charge is a mark on the lane of what only the provider knows', () => {
    const marks = picture.match(/class="card"/g) ?? []
    const changes = arms.flatMap(({ payment }) =>
      payment.rows.provider.filter(({ type }) => /^(intent|refund)\./.test(type)),
    )
    expect(marks).toHaveLength(changes.length)
  })
})

function count(rows: readonly object[], part: string): number {
  return rows.filter(row => JSON.stringify(row).includes(part)).length
}
