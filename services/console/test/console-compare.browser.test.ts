import { openPage } from '@nightshift/load-tests/harness/browser'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { asPage, type OpenConsole, openConsole } from './open-console.ts'

let systemWithConsole: OpenConsole
let browser: OpenConsole['browser']
let url: OpenConsole['url']

beforeAll(async () => {
  systemWithConsole = await openConsole({ parts: inject('parts'), run: ['console'] })
  ;({ browser, url } = systemWithConsole)
})
afterAll(() => systemWithConsole?.[Symbol.asyncDispose]())

describe('compare', () => {
  test('runs both arms of an experiment beside the committed result', {
    timeout: 180_000,
  }, async () => {
    await using opened = await openPage(browser, `${url}/#/compare`)
    const { page } = opened
    await page.getByLabel('experiment', { exact: true }).selectOption('select-then-insert')
    await page.getByText(/committed: median of \d+ rounds/).waitFor()
    const replay = page.getByRole('img', { name: 'Two sequence diagrams of select-then-insert' })
    await replay.scrollIntoViewIfNeeded()
    await eventually('the picture of the recorded payments is there', async () =>
      (await replay.evaluate(image => Reflect.get(image, 'naturalWidth'))) > 0 ? true : undefined,
    )
    await page.getByRole('button', { name: 'Run both arms' }).click()
    const measured = page.locator('figure', { hasText: 'here: one short round, proved' })
    await measured.waitFor({ timeout: 170_000 })
    const valueIn = async (arm: string) =>
      Number(await measured.locator(`[data-arm="${arm}"]`).getAttribute('data-value'))
    expect(await valueIn('naive')).toBeGreaterThan(0)
    expect(await valueIn('with the pattern')).toBe(0)
  })

  test('of the replays only the pictures are served', async () => {
    const statuses = ['outbox.svg', 'outbox.json', '../README.md', 'none.svg'].map(
      async file => (await call('GET', `${url}/replays/${file}`)).status,
    )
    expect(await Promise.all(statuses)).toEqual([200, 404, 404, 404])
  })

  test('an experiment that is none is refused, and nothing is started', async () => {
    for (const name of ['no-such-one', '../../evil', 'crash-matrix']) {
      const answer = await call('POST', `${url}/api/compare`, { headers: asPage, body: { name } })
      expect(answer.status).toBeGreaterThanOrEqual(400)
    }
    const { json } = await call('GET', `${url}/api/compare/run`)
    expect(json.state).not.toBe('running')
  })
})

describe('the auditor', () => {
  test('runs on demand, and where it can ask no source the page says so', async () => {
    await using opened = await openPage(browser, `${url}/#/promises`)
    const { page } = opened
    await page.getByRole('button', { name: 'Run the auditor' }).click()
    // The command looks for the running system, and not for this one of a test: there may be none.
    const auditor = page.getByRole('region', { name: 'Auditor' })
    await auditor.getByText(/At work|it ended without a verdict/).waitFor()
  })
})
