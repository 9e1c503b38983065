import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Locator, openPage, type Page } from '@nightshift/load-tests/harness/browser'
import { openRecordingClient } from '@nightshift/load-tests/harness/recording-client'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestInjector } from '@nightshift/load-tests/harness/test-injector'
import { committedRules } from '@nightshift/local/system/prometheus'
import { processNames } from '@nightshift/local/system/topology'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { asPage, type OpenConsole, openConsole } from './open-console.ts'

const parts = inject('parts')
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let systemWithConsole: OpenConsole
let system: OpenConsole['system']
let browser: OpenConsole['browser']
let url: OpenConsole['url']
let snapshot: OpenConsole['snapshot']
let openNames: OpenConsole['openNames']

beforeAll(async () => {
  systemWithConsole = await openConsole({
    parts,
    run: [...processNames, 'console'],
    rules: { file: committedRules, scrapeInterval: '1s' },
  })
  ;({ system, browser, url, snapshot, openNames } = systemWithConsole)
})
afterAll(() => systemWithConsole?.[Symbol.asyncDispose]())

const node = (page: Page, name: string) => page.locator(`[data-node="${name}"]`)
const link = (page: Page, name: string) => page.locator(`[data-link="${name}"]`)

/** The shortest time after which a fault heals by itself, on the page, and some seconds. */
const toneMs = 28_000

/** A switch restarts a process, which may stop for 10 s and start for 30 s. */
const switchMs = 45_000

/** Waits until the node or the link has this tone; a person sees the colour and reads the word. */
async function untilTone(of: Locator, tone: string): Promise<void> {
  await eventually(
    `the tone is ${tone}`,
    async () => ((await of.getAttribute('data-tone')) === tone ? true : undefined),
    toneMs,
  )
}

describe('the map', () => {
  test('turns red where something is broken on the command line, with a word, and green when it heals', async () => {
    await using opened = await openPage(browser, `${url}/#/map`)
    const { page, outside } = opened
    for (const name of ['payments', 'listings', 'notifications', 'kafka', 'postgres', 'redis']) {
      await untilTone(node(page, name), 'good')
    }
    const injector = openTestInjector(system, parts)
    await injector.stop('payments')
    await untilTone(node(page, 'payments'), 'bad')
    // The fault is known before the process is seen to have stopped.
    await node(page, 'payments').getByText('stopped').waitFor()
    // A source that is away is named, and its numbers are gone.
    await page.getByText('the metrics of payments: it does not run').waitFor()
    await page.getByRole('link', { name: 'Break' }).click()
    await page.getByText('payments: stopped').waitFor()
    await page.getByRole('button', { name: 'Heal everything' }).click()
    await page.getByText('started payments').waitFor()
    await page.getByRole('link', { name: 'Map' }).click()
    await untilTone(node(page, 'payments'), 'good')
    expect(await openNames()).toEqual([])
    expect(outside).toEqual([])
  })

  test('a process is chosen with the keyboard, and shows its log', async () => {
    await using opened = await openPage(browser, `${url}/#/map`)
    const { page } = opened
    await untilTone(node(page, 'listings'), 'good')
    await node(page, 'listings').focus()
    await page.keyboard.press('Enter')
    const panel = page.getByRole('region', { name: 'listings', exact: true })
    await panel.getByText('service.started').waitFor()
    await panel.getByRole('button', { name: 'Restart' }).press('Enter')
    await panel.getByText('Restarted listings').waitFor()
  })
})

describe('break', () => {
  test('a link that is broken on the page is in the log of faults, on the map, and heals by itself', async () => {
    await using opened = await openPage(browser, `${url}/#/break`)
    const { page } = opened
    await page.getByLabel('thing', { exact: true }).selectOption('payments-kafka')
    await page.getByLabel('fault', { exact: true }).selectOption('down')
    await page.getByText('Their events wait in the outbox').waitFor()
    await page.getByLabel('heals by itself after').selectOption('20 seconds')
    await page.getByRole('button', { name: 'Break it' }).click()
    await page.getByText('Took the link payments-kafka down.').waitFor()
    await page.getByText('payments-kafka: down').waitFor()
    expect(await openNames()).toEqual(['proxy'])
    await page.getByRole('link', { name: 'Map' }).click()
    await untilTone(link(page, 'payments-kafka'), 'bad')
    await untilTone(link(page, 'payments-kafka'), 'good')
    expect(await openNames()).toEqual([])
  })

  test('a toxic needs its attributes, and the page says which', async () => {
    await using opened = await openPage(browser, `${url}/#/break`)
    const { page } = opened
    await page.getByLabel('thing', { exact: true }).selectOption('listings-payments')
    await page.getByLabel('fault', { exact: true }).selectOption('latency')
    await page.getByRole('button', { name: 'Break it' }).click()
    await page.getByText('latency does nothing without --latency').waitFor()
    await page.getByLabel('latency', { exact: true }).fill('200')
    await page.getByRole('button', { name: 'Break it' }).click()
    await page.getByText('Added latency_downstream').waitFor()
    await page.getByRole('button', { name: 'Heal listings-payments' }).click()
    await page.getByText('Nothing is broken on purpose.').waitFor()
  })
})

describe('the timeline', () => {
  test('counts what was paid, and names the fault that was', async () => {
    const client = openRecordingClient(system, `${parts.stateDir}/console-history.jsonl`)
    await using opened = await openPage(browser, `${url}/#/timeline`)
    const { page } = opened
    const requests = page.getByRole('region', { name: /^Requests/ })
    await requests.getByText('payments taken 0').waitFor()
    await eventually('the timeline shows payments', async () => {
      await client.pay('acme')
      return (await snapshot()).figures.paid ? true : undefined
    })
    await openTestInjector(system, parts).flushRedis()
    await call('POST', `${url}/api/faults`, {
      headers: asPage,
      body: { words: ['card-provider', 'latencyMs=100'], expiresInMs: 1_000 },
    })
    await page.getByText('card-provider latencyMs=100').waitFor()
    await eventually('it heals by itself', async () =>
      (await openNames()).length === 0 ? true : undefined,
    )
    expect(await requests.locator('canvas').count()).toBe(1)
  })
})

describe('a moment', () => {
  test('shows what was logged and traced around it, by a click and by the keyboard', async () => {
    await using opened = await openPage(browser, `${url}/#/timeline`)
    const { page } = opened
    const client = openRecordingClient(system, `${parts.stateDir}/console-moment.jsonl`)
    const injector = openTestInjector(system, parts)
    await injector.changeSettings('card-provider', { latencyMs: 300 })
    await client.pay('acme')
    const fault = page.getByRole('link', { name: /card-provider latencyMs=300/ })
    // The console looks once a second.
    await fault.waitFor()
    await injector.changeSettings('card-provider', { latencyMs: 0 })
    await fault.focus()
    await page.keyboard.press('Enter')
    const around = page.getByRole('region', { name: 'Around a moment' })
    await around
      .getByRole('link', { name: /POST \/v1\/payments/ })
      .first()
      .waitFor()
    const requests = page.getByRole('region', { name: /^Requests/ })
    const before = await around.getByRole('heading').first().textContent()
    await requests.locator('.u-over').click({ position: { x: 40, y: 40 } })
    await eventually('another moment is chosen', async () =>
      (await around.getByRole('heading').first().textContent()) === before ? undefined : true,
    )
  })
})

describe('alerts', () => {
  test('are pending where a service cannot be asked, and gone when it can', async () => {
    await using opened = await openPage(browser, `${url}/#/promises`)
    const { page } = opened
    await page.getByRole('heading', { name: 'Alerts' }).waitFor()
    const injector = openTestInjector(system, parts)
    const alert = page.locator('[data-alert="ScrapeFails"]')
    expect(await alert.count()).toBe(0)
    await injector.freeze('notifications')
    await alert.getByText('docs/runbooks/ScrapeFails.md').waitFor()
    expect(await alert.getAttribute('data-state')).toBe('pending')
    await injector.thaw('notifications')
    await alert.waitFor({ state: 'detached' })
  })
})

describe('patterns and promises', () => {
  test('with a naive pattern and a fault a promise turns red, and its evidence is on the page', {
    timeout: 4 * switchMs,
  }, async () => {
    await using opened = await openPage(browser, `${url}/#/patterns`)
    const { page } = opened
    const card = page.locator('[data-pattern="idempotency-key"]')
    await untilVariant(card, 'on')
    await card.getByText('packages/patterns/src/idempotency-key/README.md').waitFor()
    await card.getByText(/Measured in \d+ experiments/).click()
    expect(
      await card.getByRole('link', { name: 'idempotency-key', exact: true }).getAttribute('href'),
    ).toBe('#/compare/idempotency-key')
    await card.getByRole('combobox').selectOption('cache-then-charge')
    const switched = page.getByText('Idempotency key is cache-then-charge now')
    await switched.waitFor({ timeout: switchMs })
    await untilVariant(card, 'cache-then-charge')
    expect((await snapshot()).variants['PATTERN_IDEMPOTENCY_KEY']).toMatchObject({
      payments: 'cache-then-charge',
    })

    await page.getByRole('link', { name: 'Promises' }).click()
    const promise = page.locator('[data-promise="S1"]')
    await untilState(promise, 'kept')
    await untilState(page.locator('[data-promise="S6"]'), 'kept')
    await untilState(page.locator('[data-promise="L4"]'), 'kept')
    expect(await page.locator('[data-promise="S9"]').getAttribute('data-state')).toBe(
      'not looked at',
    )
    const client = openRecordingClient(system, `${parts.stateDir}/console-double.jsonl`)
    await eventually('one key was charged twice', async () => {
      await client.payAtOnce('acme', 8)
      return (await promise.getAttribute('data-state')) === 'broken' ? true : undefined
    })
    await promise
      .getByText(/was charged \d+ times/)
      .first()
      .click()
    await promise
      .getByText(/charged, key/)
      .first()
      .waitFor()

    await page.getByRole('link', { name: 'Patterns' }).click()
    await card.getByRole('combobox').selectOption('on')
    await untilVariant(card, 'on')
    const marks = (await snapshot()).marks.map(({ what }) => what)
    expect(marks).toContain('PATTERN_IDEMPOTENCY_KEY=cache-then-charge at payments')
  })

  test('while the log of the provider cannot be read, S1 is not looked at', async () => {
    await using opened = await openPage(browser, `${url}/#/promises`)
    const { page } = opened
    const injector = openTestInjector(system, parts)
    await injector.stop('card-provider')
    await untilState(page.locator('[data-promise="S1"]'), 'not looked at')
    await injector.start('card-provider')
    await eventually('it is read again', async () =>
      (await page.locator('[data-promise="S1"]').getAttribute('data-state')) !== 'not looked at'
        ? true
        : undefined,
    )
  })

  test.each([
    { scenario: 'baseline', times: 11, seconds: 60 },
    { scenario: 'baseline', times: 1, seconds: 86_400 },
    { scenario: 'flood', times: 1, seconds: 60 },
  ])('a load of %j is refused', async body => {
    const answer = await call('POST', `${url}/api/load`, { headers: asPage, body })
    expect(answer.status).toBe(400)
  })
})

describe('traces', () => {
  test('a request is a waterfall, and goes on behind Kafka', async () => {
    const historyFile = `${parts.stateDir}/console-traces.jsonl`
    const client = openRecordingClient(system, historyFile)
    await client.publish('acme', await client.draft('acme'))
    const lines = readFileSync(historyFile, 'utf8').trim().split('\n')
    const history = lines.map(line => JSON.parse(line))
    const { traceId } = history.find(({ op, type }) => op === 'publish' && type === 'ok')
    await using opened = await openPage(browser, `${url}/#/traces`)
    const { page } = opened
    await page
      .getByRole('link', { name: /POST .*publish/ })
      .first()
      .waitFor()
    // The list has errors and slow requests first, and not all others.
    await page.goto(`${url}/#/traces/${traceId}`)
    const waterfall = page.getByRole('region', { name: 'Waterfall' })
    await waterfall.getByText('caused by it').first().waitFor()
    await waterfall
      .getByText(/payments: /)
      .first()
      .click()
    await waterfall.locator('details[open] dt').first().waitFor()
    const logged = page.getByRole('region', { name: 'Log lines' })
    await logged
      .getByText(/payments info http\.request/)
      .first()
      .click()
    // From the line back to its trace.
    await logged.locator('details[open]').getByRole('link', { name: 'its trace' }).click()
    await waterfall.waitFor()
  })

  test('an id that is none is refused, and one that is unknown is not found', async () => {
    expect((await call('GET', `${url}/api/traces/..%2fhealth`)).status).toBe(400)
    expect((await call('GET', `${url}/api/traces/${'0'.repeat(32)}`)).status).toBe(404)
  })
})

async function untilVariant(card: Locator, variant: string): Promise<void> {
  await eventually(
    `the pattern is ${variant}`,
    async () => ((await card.getAttribute('data-variant')) === variant ? true : undefined),
    switchMs,
  )
}

async function untilState(promise: Locator, state: string): Promise<void> {
  await eventually(`the promise is ${state}`, async () =>
    (await promise.getAttribute('data-state')) === state ? true : undefined,
  )
}

type AxeResults = { violations: { id: string; nodes: { html: string }[] }[] }

/** The rules of accessibility that the page breaks as it is now. */
async function violationsOn(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(each => each.html).join()}`)
  })
}

test.each([
  'twice',
  'map',
  'break',
  'patterns',
  'load',
  'timeline',
  'promises',
  'traces',
  'compare',
])(
  'the screen %s is accessible in light and dark, and does not scroll sideways on a phone',
  async screen => {
    await using opened = await openPage(browser, `${url}/#/${screen}`)
    const { page } = opened
    await page.getByText('live', { exact: true }).waitFor()
    await page.evaluate(axe)
    expect(await violationsOn(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    expect(await violationsOn(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 800 })
    // A chart follows the size of its frame in the next turn.
    await page.waitForFunction(
      'document.documentElement.scrollWidth === document.documentElement.clientWidth',
    )
  },
)
