import {
  type Browser,
  type Locator,
  launchBrowser,
  openPage,
} from '@nightshift/load-tests/harness/browser'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { changeHeader } from '../src/change-header.ts'

/** Both lanes start, and a late second charge is waited for. */
const attemptMs = 90_000
const asPage = { [changeHeader]: '1' }
let system: TestSystem
let browser: Browser
let url: string

beforeAll(async () => {
  const opening = openTestSystem({ parts: inject('parts'), run: ['console'], links: true })
  ;[system, browser] = await Promise.all([opening, launchBrowser()])
  url = system.urls.console
})
afterAll(async () => {
  await browser?.close()
  await system?.[Symbol.asyncDispose]()
})

const countOf = (lane: Locator, name: string) =>
  lane.locator(`[data-count="${name}"]`).textContent()

test('a naive system charges twice and ours once, in every way to break it', {
  timeout: 5 * attemptMs,
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
    await eventually(
      `${way} is tried in both`,
      async () => ((await naive.getAttribute('data-state')) === 'trying' ? true : undefined),
      attemptMs,
    )
    await eventually(
      `${way} is over`,
      async () =>
        (await naive.getAttribute('data-state')) === 'ready' &&
        (await ours.getAttribute('data-state')) === 'ready'
          ? true
          : undefined,
      attemptMs,
    )
    const charges = [await countOf(naive, 'charges'), await countOf(ours, 'charges')]
    const { text } = await call('GET', `${url}/api/lab`)
    expect([way, Number(charges[0]) > 1, charges[1]], text).toEqual([way, true, '1'])
    expect(await countOf(ours, 'booked')).toBe('1')
    expect(Number(await countOf(ours, 'requests'))).toBeGreaterThan(0)
  }
  expect(outside).toEqual([])
})

test.each([{ way: 'Nothing at all' }, { way: 'no-such-way' }, { ways: [] }])(
  '%j is refused',
  async body => {
    const answer = await call('POST', `${url}/api/lab`, { headers: asPage, body })
    expect([400, 409]).toContain(answer.status)
  },
)
