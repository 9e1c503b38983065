import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environmentOf, findExecutable } from '@nightshift/local/machine'
import { findK6 } from '@nightshift/local/parts/k6'
import { statePaths } from '@nightshift/local/system/state'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, inject, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { collect } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import { sourcesOf } from '../harness/sources.ts'
import { call, eventually } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import historyLineSchema from '../scenarios/history-line.schema.json' with { type: 'json' }
import type { LiveNumbers } from '../scenarios/live-numbers.ts'
import { loadSettingsOf } from '../scenarios/load-settings.ts'
import { type K6Run, runK6 } from '../scenarios/run-k6.ts'

/** The first time on a machine k6 is built, with one eye on a slow one. */
const buildingMs = 900_000
const lineBytesMax = 1_024
const seconds = 8
const perSecond = 10
/** As long as the promises L1 to L4 allow. */
const restMs = 90_000

type Line = {
  idx: number
  op: string
  req: Record<string, unknown>
  type: string
  t: number
  status?: number
  key?: string
  res?: Record<string, unknown>
}

/** Neither is needed to run the system, so a machine may have neither; then the tests say skipped. */
const programs = await Promise.all(
  ['k6', 'go'].map(name => findExecutable(name, environmentOf({}))),
)
const canRunK6 = programs.some(program => program !== undefined)

test.skipIf(!canRunK6)(
  'an ordinary night is recorded line by line, and adds up with the truth of the provider',
  {
    timeout: buildingMs,
  },
  async () => {
    await using system = await openTestSystem({
      parts: inject('parts'),
      run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
    })
    await using scratch = await openScratch()
    const seen: LiveNumbers[] = []
    const run = await k6Run(system, scratch.dir)
    const { exitCode, summary, said } = await runK6({ ...run, onProgress: seen.push.bind(seen) })
    expect(exitCode, said).toBe(0)
    if (summary === undefined) throw new Error('k6 wrote no summary')

    const lines = await readHistory(run.historyFile)
    const ofAttempt = Map.groupBy(lines, ({ idx }) => idx)
    for (const pair of ofAttempt.values()) {
      expect(pair.map(({ type }) => type)).toEqual([
        'invoke',
        expect.stringMatching(/ok|fail|info/),
      ])
    }
    expect(summary.attempts).toBe(ofAttempt.size)

    const { offered, good, late, refused, pending, lost } = summary
    expect(good + late + refused + pending + lost).toBe(offered)
    expect(offered).toBeGreaterThanOrEqual(seconds * perSecond)
    expect(summary.dropped).toBe(0)
    expect(summary.errors).toBe(0)
    expect(good + late, 'nothing was broken, so everybody got an answer').toBe(offered)
    expect(summary.browse.good).toBeGreaterThan(0)
    expect(sumOf(seen, 'offered')).toBe(offered)
    expect(sumOf(seen, 'good')).toBe(good + late)

    const capturedKeys = new Set(lines.filter(isCapture).map(({ key }) => key))
    const declinedKeys = new Set(
      lines.filter(({ res }) => res?.['declined'] === true).map(({ key }) => key),
    )
    expect(declinedKeys.size, 'a few cards are bad').toBeGreaterThan(0)
    expect(capturedKeys.size + declinedKeys.size).toBe(good + late)
    const charges = await eventually('the provider knows as many charges', async () => {
      const truth = await providerLogLines(system)
      const succeeded = truth.filter(({ type }) => type === 'intent.succeeded').length
      return succeeded >= capturedKeys.size ? succeeded : undefined
    })
    expect(charges).toBe(capturedKeys.size)

    const repeated = lines.filter(({ req, status }) => req['again'] === 1 && status !== undefined)
    expect(repeated.length, 'some send the same request once more').toBeGreaterThan(0)
    expect(repeated.filter(({ res }) => res?.['replayed'] !== true)).toEqual([])
    await expectNoAlarm(system, scratch.dir, Math.min(...lines.map(({ t }) => t)))
  },
)

/**
 * Load of our own may not make work for a person: no dead letter, no broken promise, and no line of a
 * level that an alarm would be made of.
 */
async function expectNoAlarm(system: TestSystem, dir: string, begunAt: number) {
  await writeFile(join(dir, 'faults.jsonl'), '')
  const mayBeEmpty = ['faultLog', 'mails', 'deliveries'] as const
  const sources = sourcesOf(system, inject('parts'), dir)
  const quiescence = await waitForQuiescence(sources, restMs)
  const verdict = audit(await collect(sources, { quiescence }), { mayBeEmpty })
  expect(verdict.violations.map(({ invariant, message }) => `${invariant}: ${message}`)).toEqual([])
  expect(verdict.coverage.unknown).toEqual([])
  expect(verdict.coverage.sometimes['dead_letter'] ?? 0).toBe(0)
  for (const name of ['payments', 'listings', 'notifications'] as const) {
    const alarms = (await system.logs(name))
      .split('\n')
      .filter(line => /"level":"(warn|error|fatal)"/.test(line))
      // What a new consumer group says of its broker before the first employer came is another matter.
      .filter(line => Date.parse(JSON.parse(line).time) >= begunAt)
    expect(alarms).toEqual([])
  }
}

test.skipIf(!canRunK6)(
  'a run that is stopped still sums up, and leaves no torn line',
  {
    timeout: buildingMs,
  },
  async () => {
    await using system = await openTestSystem({
      parts: inject('parts'),
      run: ['card-provider', 'payments', 'listings'],
    })
    await using scratch = await openScratch()
    const run = await k6Run(system, scratch.dir)
    const stop = new AbortController()
    const onProgress = () => stop.abort()
    const { exitCode, summary } = await runK6({ ...run, signal: stop.signal, onProgress })
    expect(exitCode).not.toBe(0)
    expect(summary?.offered).toBeGreaterThan(0)
    expect((await readHistory(run.historyFile)).length).toBeGreaterThan(0)
  },
)

async function k6Run(system: TestSystem, dir: string): Promise<K6Run> {
  const report = (line: string) => process.stderr.write(`${line}\n`)
  const k6 = await findK6({ toolsDir: statePaths().tools, report })
  if (k6.how === 'missing') throw new Error(`${k6.needed}: ${k6.reasons.join('; ')}`)
  return {
    k6,
    scenario: 'baseline',
    env: {
      ...loadSettingsOf(system.urls, system.apiKeys),
      ...{ RATED_PER_SECOND: String(perSecond), STEADY_SHARE: '1', SECONDS: String(seconds) },
    },
    historyFile: join(dir, 'history.jsonl'),
    summaryFile: join(dir, 'summary.json'),
    htmlFile: join(dir, 'report.html'),
  }
}

/** Every line, each held against the schema that the auditor relies on. */
async function readHistory(file: string): Promise<Line[]> {
  const isHistoryLine = new Ajv2020({ strict: true, strictRequired: false }).compile(
    historyLineSchema,
  )
  const texts = (await readFile(file, 'utf8')).trimEnd().split('\n')
  return texts.map(text => {
    const line: unknown = JSON.parse(text)
    if (!isHistoryLine(line)) expect.fail(`${text}: ${JSON.stringify(isHistoryLine.errors)}`)
    expect(Buffer.byteLength(text)).toBeLessThan(lineBytesMax)
    expect(text).not.toMatch(/@|pm_|ns_test_/)
    return line as Line
  })
}

function isCapture({ op, type }: Line): boolean {
  return type === 'ok' && (op === 'publish' || op === 'pay')
}

function sumOf(seen: readonly LiveNumbers[], name: 'offered' | 'good'): number {
  return seen.reduce((sum, numbers) => sum + numbers[name], 0)
}

async function providerLogLines(system: TestSystem): Promise<{ type: string }[]> {
  const all: { type: string }[] = []
  for (let after = 0, hasMore = true; hasMore; ) {
    const { json } = await call('GET', `${system.urls.cardProvider}/log?after=${after}&limit=1000`)
    all.push(...json.lines)
    after = json.nextAfter
    hasMore = json.hasMore
  }
  return all
}

async function openScratch() {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-load-'))
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}
