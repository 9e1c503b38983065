import { type Browser, launchBrowser } from '@nightshift/load-tests/harness/browser'
import { call } from '@nightshift/load-tests/harness/test-client'
import {
  openTestSystem,
  type TestSystem,
  type TestSystemOptions,
} from '@nightshift/load-tests/harness/test-system'
import { changeHeader } from '../src/change-header.ts'
import type { Snapshot } from '../src/snapshot.ts'

/** What the page sends with each change. */
export const asPage = { [changeHeader]: '1' }

export type OpenConsole = AsyncDisposable &
  Readonly<{
    system: TestSystem
    browser: Browser
    url: string
    snapshot: () => Promise<Snapshot>
    /** The kinds of the faults that have begun and not ended. */
    openNames: () => Promise<string[]>
  }>

/** A system with links and the console, and a browser to look at it. */
export async function openConsole(options: Omit<TestSystemOptions, 'links'>): Promise<OpenConsole> {
  // The first one on a machine unpacks it. A system that starts meanwhile may be too late to be ready.
  const browser = await launchBrowser()
  const system = await openTestSystem({ ...options, links: true }).catch(async error => {
    await browser.close()
    throw error
  })
  const url = system.urls.console
  return {
    system,
    browser,
    url,
    snapshot: async () => (await call('GET', `${url}/api/snapshot`)).json as Snapshot,
    openNames: async () => (await system.faults?.openFaults())?.map(({ kind }) => kind) ?? [],
    [Symbol.asyncDispose]: async () => {
      await browser.close()
      await system[Symbol.asyncDispose]()
    },
  }
}
