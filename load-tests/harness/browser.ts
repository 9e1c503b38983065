import chromium from '@sparticuz/chromium'
import { type Browser, type Locator, type Page, chromium as playwright } from 'playwright-core'

export type { Browser, Locator, Page }

export type OpenPage = AsyncDisposable & Readonly<{ page: Page; outside: readonly string[] }>

const pageDeadlineMs = 15_000

/** Chromium of the npm package: nothing is downloaded from elsewhere. The caller closes it. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = await chromium.executablePath()
  // In one process, the whole browser ends with its first page.
  const args = chromium.args.filter(arg => arg !== '--single-process')
  return playwright.launch({ executablePath, args })
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
