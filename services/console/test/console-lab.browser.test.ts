import { type Locator, openPage, type Page } from '@nightshift/load-tests/harness/browser'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { asPage, type OpenConsole, openConsole } from './open-console.ts'

/** Both lanes start, and a late second charge is waited for. */
const attemptMs = 90_000
let systemWithConsole: OpenConsole
let browser: OpenConsole['browser']
let url: OpenConsole['url']

beforeAll(async () => {
  systemWithConsole = await openConsole({ parts: inject('parts'), run: ['console'] })
  ;({ browser, url } = systemWithConsole)
})
afterAll(() => systemWithConsole?.[Symbol.asyncDispose]())

const countOf = (lane: Locator, name: string) =>
  lane.locator(`[data-count="${name}"]`).textContent()

test('a naive system charges twice and ours once, in every way to break it', {
  timeout: 6 * attemptMs,
}, async () => {
  await using opened = await openPage(browser, url)
  const { page, outside } = opened
  const naive = page.locator('[data-lane="naive"]')
  const ours = page.locator('[data-lane="ours"]')
  for (const way of [
    'Sent twice at once',
    'The answer is lost',
    'Killed after the charge',
    'The provider is silent',
  ]) {
    await page.getByRole('button', { name: way }).click()
    await untilTried(page, way)
    const charges = [await countOf(naive, 'charges'), await countOf(ours, 'charges')]
    const { text } = await call('GET', `${url}/api/lab`)
    expect([way, Number(charges[0]) > 1, charges[1]], text).toEqual([way, true, '1'])
    expect(await countOf(ours, 'booked')).toBe('1')
    expect(Number(await countOf(ours, 'requests'))).toBeGreaterThan(0)
    // Without a listing there is no mail, and the page says so instead of a number.
    expect(await countOf(ours, 'mails')).toContain('no listing was published')
  }

  const way = 'Publish a listing, and payments is killed at charge.answered'
  await page.getByRole('combobox').selectOption({ label: way })
  await page.getByRole('button', { name: 'Try it' }).click()
  await untilTried(page, way)
  const { text } = await call('GET', `${url}/api/lab`)
  expect([await countOf(naive, 'charges'), await countOf(ours, 'charges')], text).toEqual([
    '2',
    '1',
  ])
  expect([await countOf(naive, 'mails'), await countOf(ours, 'mails')]).toEqual(['1', '1'])
  expect(outside).toEqual([])
})

/** Waits until the way is tried in both lanes, and then until it is over in both. */
async function untilTried(page: Page, way: string): Promise<void> {
  for (const state of ['trying', 'ready']) {
    await eventually(
      `${way} is ${state} in both`,
      async () =>
        (await page.locator(`[data-lane][data-state="${state}"]`).count()) === 2 ? true : undefined,
      attemptMs,
    )
  }
}

test.each([{ way: 'Nothing at all' }, { way: 'no-such-way' }, { ways: [] }])(
  '%j is refused',
  async body => {
    const answer = await call('POST', `${url}/api/lab`, { headers: asPage, body })
    expect([400, 409]).toContain(answer.status)
  },
)
