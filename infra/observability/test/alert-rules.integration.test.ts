import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findPrometheus } from '@nightshift/local/parts/prometheus'
import { committedRules } from '@nightshift/local/system/prometheus'
import { statePaths } from '@nightshift/local/system/state'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertNames } from '../src/alerts/rule-file.ts'

/**
 * Each alert at its boundary, judged by promtool: it is silent one step below, and fires one step
 * above. Times are those of production.
 */

const run = promisify(execFile)
const promtoolMs = 20_000
let promtool: string
let dir: string

beforeAll(async () => {
  const found = await findPrometheus({ toolsDir: statePaths().tools })
  if (found.how === 'missing') throw new Error(`${found.needed} is missing: ${found.fix}`)
  promtool = found.run.promtool
  dir = await mkdtemp(join(tmpdir(), 'nightshift-rules-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('promtool finds nothing wrong with the rules', async () => {
  const { stdout } = await run(promtool, ['check', 'rules', committedRules], {
    timeout: promtoolMs,
  })
  expect(stdout).toMatch(/SUCCESS: \d+ rules found/)
})

/** Series by their selectors, each in promtool's notation. They are judged at this time. */
type Moment = Readonly<{
  series: Readonly<Record<string, string>>
  at: string
  /** How often they are judged until then. An alert without `for` needs it once. */
  every?: string
}>

/** What fires then of an alert, once each: the burn rates of an objective, or else the severity. */
async function firing(alert: string, { series, at, every = at }: Moment): Promise<string[]> {
  const file = join(dir, `${alert}-${Math.random()}.yml`)
  const input = Object.entries(series).map(([name, values]) => ({ series: name, values }))
  const silent = {
    interval: '1m',
    input_series: input,
    alert_rule_test: [expectNothing(alert, at)],
  }
  const content = { rule_files: [committedRules], evaluation_interval: every, tests: [silent] }
  await writeFile(file, JSON.stringify(content))
  const { stdout, stderr } = await run(promtool, ['test', 'rules', file], {
    timeout: promtoolMs,
  }).catch((error: { stdout: string; stderr: string }) => error)
  const told = `${stdout}${stderr}`
  if (!/SUCCESS|FAILED/.test(told)) throw new Error(told)
  const [, got = ''] = told.split('got:')
  const alerts = [...got.matchAll(/Labels:(\{[^}]*\})/g)].map(([, labels = '']) => labels)
  const named = alerts.map(
    labels => /burns="(\w+)"/.exec(labels)?.[1] ?? /severity="(\w+)"/.exec(labels)?.[1] ?? '',
  )
  return [...new Set(named)]
}

function expectNothing(alertname: string, at: string) {
  return { eval_time: at, alertname, exp_alerts: [] }
}

const http = (service: string, method: string, route: string, rest: string, ending = 'count') =>
  `http_server_request_duration_seconds_${ending}{service="${service}",method="${method}",route="${route}",${rest}}`

/** 10,000 attempts a minute for `minutes`, of which so many fail. */
const failing =
  (failed: number, minutes: number) => (service: string, method: string, route: string) => ({
    [http(service, method, route, 'status="201"')]: `0+${10_000 - failed}x${minutes}`,
    [http(service, method, route, 'status="503"')]: `0+${failed}x${minutes}`,
  })
/** 10,000 good ones a minute, of which so many are slower than `le` seconds. */
const slow =
  (late: number, minutes: number, le: string) =>
  (service: string, method: string, route: string) => ({
    [http(service, method, route, 'status="200"')]: `0+10000x${minutes}`,
    [http(service, method, route, `status="200",le="${le}"`, 'bucket')]:
      `0+${10_000 - late}x${minutes}`,
  })
const mails = (failed: number, minutes: number) => ({
  'mails_total{kind="alert",outcome="sent"}': `0+${10_000 - failed}x${minutes}`,
  'mails_total{kind="alert",outcome="failed"}': `0+${failed}x${minutes}`,
})
const lateMails = (late: number, minutes: number) => ({
  'mails_total{kind="alert",outcome="sent"}': `0+10000x${minutes}`,
  'mail_delay_seconds_count{kind="alert"}': `0+10000x${minutes}`,
  'mail_delay_seconds_bucket{kind="alert",le="30"}': `0+${10_000 - late}x${minutes}`,
})

const paying = ['payments', 'POST', '/v1/payments'] as const
const publishing = ['listings', 'POST', '/v1/listings/:listingId/publish'] as const
const searching = ['listings', 'GET', '/v1/listings'] as const

/** The budget is 0.1 percent of 10,000: this is 14.4 times, 6 times and once as much. */
const failureBounds = { fast: 144, slow: 60, leak: 10 }
/** The budget is 1 percent of 10,000. */
const slownessBounds = { fast: 1_440, slow: 600, leak: 100 }

const objectives = [
  ['PayingFails', failureBounds, (n: number, m: number) => failing(n, m)(...paying)],
  ['PublishingFails', failureBounds, (n: number, m: number) => failing(n, m)(...publishing)],
  ['SearchingFails', failureBounds, (n: number, m: number) => failing(n, m)(...searching)],
  ['NotifyingFails', failureBounds, mails],
  ['PayingIsSlow', slownessBounds, (n: number, m: number) => slow(n, m, '1')(...paying)],
  ['PublishingIsSlow', slownessBounds, (n: number, m: number) => slow(n, m, '1')(...publishing)],
  ['SearchingIsSlow', slownessBounds, (n: number, m: number) => slow(n, m, '0.25')(...searching)],
  ['NotifyingIsSlow', slownessBounds, lateMails],
] as const

describe.each(objectives)('%s', (alert, bounds, series) => {
  const hour = 61
  const threeDays = 3 * 24 * 60 + 1
  test.each(['fast', 'slow'] as const)('burns %s above its rate, and not below', async rate => {
    const at = '60m'
    expect(await firing(alert, { series: series(bounds[rate] - 1, hour), at })).not.toContain(rate)
    expect(await firing(alert, { series: series(bounds[rate] + 1, hour), at })).toContain(rate)
  })
  test('leaks above the budget itself, and nothing fires below', async () => {
    const at = `${threeDays - 1}m`
    expect(await firing(alert, { series: series(bounds.leak - 1, threeDays), at })).toEqual([])
    expect(await firing(alert, { series: series(bounds.leak + 1, threeDays), at })).toEqual([
      'leak',
    ])
  })
})

describe('a burn rate', () => {
  const good = (from: string, failed: string) => ({
    [http(...paying, 'status="201"')]: from,
    [http(...paying, 'status="503"')]: failed,
  })
  test('ends with the short window, while the long one still remembers', async () => {
    const series = good('0+0x10 0+10000x60', '0+10000x10 100000+0x60')
    expect(await firing('PayingFails', { series, at: '10m' })).toContain('slow')
    expect(await firing('PayingFails', { series, at: '45m' })).not.toContain('slow')
  })
  test('of 19 attempts says nothing, even if all fail; of 21 it does', async () => {
    const series = (per: string) => ({ [http(...paying, 'status="503"')]: per })
    const at = '3m'
    // `increase` reaches over the ends of the series, so the numbers are of whole windows.
    expect(await firing('PayingFails', { series: series('0 9 19 19x10'), at })).toEqual([])
    expect(await firing('PayingFails', { series: series('0 20 40 40x10'), at })).toContain('fast')
  })
})

const gauges = [
  ['OutboxIsOld', 'outbox_oldest_unpublished_seconds{service="payments"}', 30],
  ['ConsumerIsStalled', 'consumer_without_progress_seconds{service="listings",topic="t"}', 15],
  ['PaymentsStayOpen', 'payments_oldest_open_seconds{service="payments"}', 60],
  ['RefundsStayPending', 'refunds_oldest_pending_seconds{service="payments"}', 300],
  ['MailsWait', 'mails_oldest_waiting_seconds{service="notifications"}', 60],
  ['BreakerIsOpen', 'breaker_state{service="payments",dependency="card-provider"}', 0],
] as const

describe.each(gauges)('%s', (alert, series, bound) => {
  test('fires above its bound and not at it, and only when that has lasted a minute', async () => {
    const step = bound === 0 ? 0.5 : 1
    expect(
      await firing(alert, { series: { [series]: `${bound}x10` }, at: '5m', every: '10s' }),
    ).toEqual([])
    const above = { [series]: `${bound + step}x10` }
    expect(await firing(alert, { series: above, at: '50s', every: '10s' })).toEqual([])
    expect(await firing(alert, { series: above, at: '60s', every: '10s' })).toHaveLength(1)
  })
})

const events = [
  [
    'DeadLetters',
    'events_consumed_total{service="listings",topic="t",outcome="dead_lettered"}',
    '5m',
    '30m',
  ],
  [
    'RefundsAreBlocked',
    'refunds_blocked_total{service="payments",reason="nothing_left"}',
    '60m',
    '70m',
  ],
] as const

describe.each(events)('%s', (alert, series, still, over) => {
  test(`fires at the first, still after ${still}, and no longer after ${over}`, async () => {
    const one = { [series]: '0x3 1x90' }
    expect(await firing(alert, { series: one, at: '3m' })).toEqual([])
    expect(await firing(alert, { series: one, at: still })).toHaveLength(1)
    expect(await firing(alert, { series: one, at: over })).toEqual([])
  })
})

describe('silence', () => {
  const count = http(...paying, 'status="201"')
  test('NoTraffic fires after ten minutes without a request, if there were enough before', async () => {
    const stopped = (perMinute: number) => ({ [count]: `0+${perMinute}x20 ${perMinute * 20}x30` })
    expect(await firing('NoTraffic', { series: stopped(10), at: '29m' })).toEqual([])
    expect(await firing('NoTraffic', { series: stopped(10), at: '31m' })).toEqual(['page'])
    expect(await firing('NoTraffic', { series: stopped(4), at: '31m' })).toEqual([])
  })
  test('ScrapeFails fires when a service cannot be asked for a minute', async () => {
    const down = { 'up{job="payments"}': '1 1 0x10' }
    expect(await firing('ScrapeFails', { series: down, at: '2m50s', every: '10s' })).toEqual([])
    expect(await firing('ScrapeFails', { series: down, at: '3m', every: '10s' })).toEqual(['page'])
  })
  test('ScrapeIsAbsent fires when Prometheus is not told of a service', async () => {
    const up = (services: string[]) =>
      Object.fromEntries(services.map(name => [`up{job="${name}"}`, '1x10']))
    const all = ['payments', 'listings', 'notifications']
    expect(await firing('ScrapeIsAbsent', { series: up(all), at: '5m' })).toEqual([])
    expect(
      await firing('ScrapeIsAbsent', { series: up(all.slice(1)), at: '5m', every: '10s' }),
    ).toEqual(['page'])
  })
})

test('each alert has a test here', async () => {
  const tested = [...objectives, ...gauges, ...events].map(([name]) => name as string)
  const others = ['NoTraffic', 'ScrapeFails', 'ScrapeIsAbsent']
  expect([...tested, ...others].toSorted()).toEqual(alertNames.toSorted())
})
