import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { changeHeader } from '@nightshift/console/change-header'
import { findK6 } from '@nightshift/local/parts/k6'
import { statePaths } from '@nightshift/local/system/state'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, inject, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { launchBrowser, openPage } from '../harness/browser.ts'
import { canRunK6 } from '../harness/can-run-k6.ts'
import { collectAtRest, sourcesOf } from '../harness/sources.ts'
import { call, eventually, readProviderLog } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import historyLineSchema from '../scenarios/history-line.schema.json' with { type: 'json' }
import type { LiveNumbers } from '../scenarios/live-numbers.ts'
import { loadSettingsOf } from '../scenarios/load-settings.ts'
import { type K6Run, runK6 } from '../scenarios/run-k6.ts'

/** The first run on a machine builds k6, which may take minutes on a slow one. */
const buildingMs = 900_000
const lineBytesMax = 1_024
const seconds = 8
const perSecond = 10
/** The promises L1 to L4 (everything pending is finished) allow 90 s. */
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

test.skipIf(!canRunK6)(
  'a steady load is recorded line by line, and agrees with the provider log',
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
    const { exitCode, summary, output } = await runK6({ ...run, onProgress: seen.push.bind(seen) })
    expect(exitCode, output).toBe(0)
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
    expect(good + late, 'without a fault, every intent has an answer').toBe(offered)
    expect(summary.browse.good).toBeGreaterThan(0)
    expect(sumOf(seen, 'offered')).toBe(offered)
    expect(sumOf(seen, 'good')).toBe(good + late)

    const capturedKeys = new Set(lines.filter(isCapture).map(({ key }) => key))
    const declinedKeys = new Set(
      lines.filter(({ res }) => res?.['declined'] === true).map(({ key }) => key),
    )
    expect(declinedKeys.size, 'a few cards are bad').toBeGreaterThan(0)
    expect(capturedKeys.size + declinedKeys.size).toBe(good + late)
    const charges = await eventually('the provider log has as many charges', async () => {
      const lines = await readProviderLog(system)
      const succeeded = lines.filter(({ type }) => type === 'intent.succeeded').length
      return succeeded >= capturedKeys.size ? succeeded : undefined
    })
    expect(charges).toBe(capturedKeys.size)

    const repeated = lines.filter(({ req, status }) => req['again'] === 1 && status !== undefined)
    expect(repeated.length, 'some employers send the same request once more').toBeGreaterThan(0)
    // A busy machine may refuse a repetition as overloaded, before its key is looked up.
    const answered = repeated.filter(({ status }) => status !== 503)
    expect(answered.filter(({ res }) => res?.['replayed'] !== true)).toEqual([])
    await expectNoAlarm(system, scratch.dir, Math.min(...lines.map(({ t }) => t)))
  },
)

/**
 * A load without faults must not alarm an operator: it has no dead letter, no broken promise, and no
 * warning in a log.
 */
async function expectNoAlarm(system: TestSystem, dir: string, begunAt: number) {
  await writeFile(join(dir, 'faults.jsonl'), '')
  const mayBeEmpty = ['faultLog', 'mails', 'deliveries'] as const
  const sources = sourcesOf(system, inject('parts'), dir)
  const verdict = audit(await collectAtRest(sources, restMs), { mayBeEmpty })
  expect(verdict.violations.map(({ promise, message }) => `${promise}: ${message}`)).toEqual([])
  expect(verdict.coverage.inconclusive).toEqual([])
  expect(verdict.coverage.sometimes['dead_letter'] ?? 0).toBe(0)
  for (const name of ['payments', 'listings', 'notifications'] as const) {
    const alarms = (await system.logs(name))
      .split('\n')
      .filter(line => /"level":"(warn|error|fatal)"/.test(line))
      // The other tests may leave this machine no time, and a refusal because of it is right.
      .filter(line => JSON.parse(line).refusedAt !== 'entrance')
      // Before the first employer arrived, a new consumer group may log warnings about its broker.
      .filter(line => Date.parse(JSON.parse(line).time) >= begunAt)
    expect(alarms).toEqual([])
  }
}

test.skipIf(!canRunK6)(
  'a run that is stopped has a summary, and no torn line',
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

test.skipIf(!canRunK6)(
  'the console starts and stops a load, and shows what becomes of it',
  { timeout: buildingMs },
  async () => {
    await findK6({ toolsDir: statePaths().tools, report: () => {} })
    await using system = await openTestSystem({
      parts: inject('parts'),
      run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications', 'console'],
      links: true,
    })
    const url = system.urls.console
    await using open = new AsyncDisposableStack()
    const browser = open.adopt(await launchBrowser(), each => each.close())
    await using opened = await openPage(browser, `${url}/#/load`)
    const { page } = opened
    await page.getByText('No load is sent from here.').waitFor()
    await page.getByRole('button', { name: 'Start' }).click()
    const load = page.getByRole('region', { name: 'The load' })
    await load.getByText('running').waitFor()
    await eventually('employers are served', async () =>
      (await call('GET', `${url}/api/snapshot`)).json.load.totals?.good > 0 ? true : undefined,
    )
    const again = await call('POST', `${url}/api/load`, {
      headers: { [changeHeader]: '1' },
      body: { scenario: 'baseline', times: 1, seconds: 5 },
    })
    expect(again.status).toBe(409)
    await page.getByRole('button', { name: 'Stop the load' }).click()
    await load.getByText('over').waitFor()
    const { figures } = (await call('GET', `${url}/api/history`)).json
    expect(Math.max(...figures.offered)).toBeGreaterThan(0)
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
      RATED_PER_SECOND: String(perSecond),
      STEADY_SHARE: '1',
      SECONDS: String(seconds),
    },
    historyFile: join(dir, 'history.jsonl'),
    summaryFile: join(dir, 'summary.json'),
    htmlFile: join(dir, 'report.html'),
  }
}

/** Reads every line, and validates it with the schema that the auditor relies on. */
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

async function openScratch() {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-load-'))
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}
