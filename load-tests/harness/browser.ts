import { join } from 'node:path'
import { environmentOf } from '@nightshift/local/machine'
import { runCommand } from '@nightshift/local/parts/run-command'
import { unpackOnce } from '@nightshift/local/parts/unpack-once'
import { statePaths } from '@nightshift/local/system/state'
import chromium from '@sparticuz/chromium'
import { type Browser, type Locator, type Page, chromium as playwright } from 'playwright-core'
import manifest from '../package.json' with { type: 'json' }

export type { Browser, Locator, Page }

export type OpenPage = AsyncDisposable & Readonly<{ page: Page; outside: readonly string[] }>

const pageDeadlineMs = 15_000
const unpackDeadlineMs = 120_000

/** Chromium of the npm package: nothing is downloaded from elsewhere. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await unpackChromium()
  // In one process, the whole browser ends with its first page.
  const args = chromium.args.filter(arg => arg !== '--single-process')
  return playwright.launch({ executablePath, args })
}

/**
 * The package unpacks its program into the temporary directory, and takes a file that is there for a whole
 * one. Another process may be writing it (`spawn ETXTBSY`), or was killed while it did. So a process of its
 * own unpacks it into a directory that gets its name when it is complete.
 */
async function unpackChromium(): Promise<string> {
  const version = manifest.dependencies['@sparticuz/chromium']
  const target = join(statePaths().tools, `chromium-${version}`)
  await unpackOnce(target, async draft => {
    const unpack = `await (await import('@sparticuz/chromium')).default.executablePath()`
    await runCommand(process.execPath, ['--input-type=module', '--eval', unpack], {
      environment: { ...environmentOf({}), TMPDIR: draft },
      cwd: import.meta.dirname,
      deadlineMs: unpackDeadlineMs,
    })
  })
  return join(target, 'chromium')
}

/**
 * Opens a page of its own. `outside` lists the requests to other origins, of which there should be none;
 * they are not carried out.
 */
export async function openPage(browser: Browser, url: string): Promise<OpenPage> {
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 800 },
    colorScheme: 'light',
    // Without a locale Chromium names one after LANG, which may be no language tag at all.
    locale: 'en-US',
  })
  context.setDefaultTimeout(pageDeadlineMs)
  const outside: string[] = []
  const { origin } = new URL(url)
  await context.route(
    asked => asked.origin !== origin && !/^(?:data|blob):/.test(asked.href),
    route => {
      outside.push(route.request().url())
      return route.abort()
    },
  )
  const page = await context.newPage()
  await page.goto(url)
  return { page, outside, [Symbol.asyncDispose]: () => context.close() }
}
