/** Takes the screenshots of the console for the pages of the project, from the running system. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { changeHeader } from '@nightshift/console/change-header'
import { launchBrowser, openPage, type Page } from '@nightshift/load-tests/harness/browser'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { repoRoot } from '@nightshift/local/system/state'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Opens the console of the running system in a browser, sends an ordinary load, breaks two things, and
writes what is on the screens into docs/images. Everything that it broke heals by itself.`

export const command = npmCommand('screenshots', description).action(exitWith(run))

const imagesDir = join(repoRoot, 'docs/images')
const loadSeconds = 90
/** Two systems start, and a publication is waited for in both. */
const tryMs = 90_000
/** So long each state lasts, for the timeline to show it. */
const phaseMs = 15_000

if (import.meta.main) await runCommand(command)

async function run(): Promise<number> {
  const url = (await runningUrls())('console')
  await using open = new AsyncDisposableStack()
  const browser = open.adopt(await launchBrowser(), each => each.close())
  const { page } = open.use(await openPage(browser, url))
  await payTwice(page)
  await send(page, '/load', { scenario: 'baseline', times: 2, seconds: loadSeconds })
  await sleep(phaseMs)
  await send(page, '/faults', { words: ['payments-kafka', 'down'], expiresInMs: 2 * phaseMs })
  await send(page, '/faults', { words: ['notifications', 'freeze'], expiresInMs: 2 * phaseMs })
  await sleep(phaseMs / 3)
  await take(page, 'map')
  await take(page, 'break')
  await sleep(2 * phaseMs)
  for (const screen of ['patterns', 'load', 'timeline', 'promises']) await take(page, screen)
  await take(page, 'compare', 'compare/idempotency-key')
  await send(page, '/load/stop', {})
  return 0
}

/** Tries one way on the first screen, in which a naive service charges twice. */
async function payTwice(page: Page): Promise<void> {
  await send(page, '/lab', { way: 'payments-charge-answered' })
  for (const state of ['trying', 'ready']) {
    const last = page.locator(`[data-lane][data-state="${state}"]`).nth(1)
    await last.waitFor({ timeout: tryMs })
  }
  await take(page, 'twice')
}

async function take(page: Page, screen: string, place = screen): Promise<void> {
  await page.goto(`${new URL(page.url()).origin}/#/${place}`)
  await page.getByText('live', { exact: true }).waitFor()
  await sleep(2_000) // two looks of the console, so that all of the screen is drawn
  const path = join(imagesDir, `console-${screen}.png`)
  await page.screenshot({ path })
  console.log(path)
}

/** Asks the console as its own page does. @throws when it refuses */
async function send(page: Page, path: string, body: object): Promise<void> {
  const answer = await page.request.post(`${new URL(page.url()).origin}/api${path}`, {
    headers: { [changeHeader]: '1' },
    data: body,
  })
  if (!answer.ok()) throw new Error(`${path}: ${answer.status()} ${await answer.text()}`)
}
