import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { describe, expect, test } from 'vitest'

const bootstrap = join(repoRoot, 'tools/cli/bootstrap.mjs')
const processMs = 30_000
/** What a terminal would be sent to change the colour. */
const colourBegins = '\u001b'

function runLimits(...args: string[]) {
  return spawnSync(process.execPath, [bootstrap, 'limits', ...args], { encoding: 'utf8' })
}

const page = readFileSync(
  join(repoRoot, 'packages/patterns/src/timeout-hierarchy/README.md'),
  'utf8',
)
/** A command on the page, and the end of its output below it. */
const quoted =
  /```sh\nnpm run limits -- (?<args>.+)\n```\n[^`]*```text\n(?<end>[^`]*(?:`[^`]+`[^`]*)*)```/g
const quotedRuns = [...page.matchAll(quoted)].map(({ groups }) => ({
  args: groups?.['args'] ?? '',
  end: groups?.['end'] ?? '',
}))

test('the page of the pattern quotes three runs', () => {
  expect(quotedRuns).toHaveLength(3)
})

describe('npm run limits', { timeout: processMs }, () => {
  test('shows the waits of all services, and that every relation holds', () => {
    const { status, stdout } = runLimits()
    expect(status).toBe(0)
    expect(stdout).toContain('\n  6 s     listings.http.requestBudgetMs  ')
    expect(stdout).toContain('\n        2 s     payments.provider.attemptMs  ')
    expect(stdout).toMatch(/\nAll relations hold\.\n$/)
    expect(stdout).not.toContain('✗')
    expect(stdout).not.toContain(colourBegins)
  })

  test('shows where another value breaks a relation, and the written value beside it', () => {
    const { status, stdout } = runLimits('--with', 'payments.provider.attemptMs=4000')
    expect(status).toBe(1)
    expect(stdout).toContain('payments.provider.attemptMs (written: 2 s)')
    expect(stdout).toMatch(/^ +✗ >= payments\.provider\.attemptMs \(4 s\) \+ /m)
  })

  test.each(quotedRuns)('ends as the page of the pattern quotes it: $args', ({ args, end }) => {
    const { status, stdout } = runLimits(...args.split(' '))
    expect(stdout.endsWith(`\n\n${end}`), stdout).toBe(true)
    expect(status).toBe(end.includes('✗') ? 1 : 0)
  })

  test('knows relations that are about no time', () => {
    const { status, stdout } = runLimits('--with', 'payments.batching.workersMax=4')
    expect(status).toBe(1)
    expect(stdout).toContain(
      '✗ payments.workerPool.connectionsMax (8) > 2 * payments.batching.workersMax (8)',
    )
  })

  test('says so when no relation depends on the value', () => {
    const { status, stdout } = runLimits('--with', 'payments.page.defaultSize=51')
    expect(status).toBe(0)
    expect(stdout).toContain('payments.page.defaultSize 51 instead of 50')
    expect(stdout).toContain('No relation names it.')
  })

  test('gives the same as JSON, and of two values for one limit the last counts', () => {
    const first = ['--with', 'payments.provider.attemptMs=1']
    const last = ['--with', 'payments.provider.attemptMs=2900']
    const { status, stdout } = runLimits('--json', ...first, ...last)
    expect(status).toBe(1)
    const { holds, changes, paths, groups } = JSON.parse(stdout)
    expect(holds).toBe(false)
    expect(changes).toEqual([{ limit: 'payments.provider.attemptMs', from: 2_000, to: 2_900 }])
    expect(paths[0].waits[1]).toMatchObject({ limit: 'listings.http.requestBudgetMs', ms: 6_000 })
    const broken = groups.flatMap(({ title, relations }: { title: string; relations: Checked[] }) =>
      relations.filter(relation => !relation.holds).map(relation => ({ title, ...relation })),
    )
    expect(broken).toEqual([
      expect.objectContaining({
        title: 'inside payments',
        larger: expect.objectContaining({ term: 'payments.http.requestBudgetMs', value: 3_500 }),
        sum: 4_400,
      }),
    ])
  })

  test.each([
    ['payments.provider.atemptMs=4000', 'Near: payments.provider.attemptMs,'],
    ['payments.provider.attemptMs=4s', 'takes a number of milliseconds, such as'],
    ['payments.provider.attemptMs', 'takes a limit and its value, such as'],
    ['payments.provider=4000', 'There is no limit payments.provider.'],
  ])('a mistake such as --with %s is wrong usage, and the fix is named', (given, hint) => {
    const { status, stdout, stderr } = runLimits('--with', given)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(hint)
  })

  test('has a help', () => {
    const { status, stdout } = runLimits('--help')
    expect([status, stdout]).toEqual([0, expect.stringContaining('--with <limit=value>')])
  })
})

type Checked = { holds: boolean }
