import { openPage } from '@nightshift/load-tests/harness/browser'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { asPage, type OpenConsole, openConsole } from './open-console.ts'

let systemWithConsole: OpenConsole
let system: OpenConsole['system']
let browser: OpenConsole['browser']
let url: OpenConsole['url']
let snapshot: OpenConsole['snapshot']
let openNames: OpenConsole['openNames']

beforeAll(async () => {
  systemWithConsole = await openConsole({
    parts: inject('parts'),
    run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications', 'console'],
  })
  ;({ system, browser, url, snapshot, openNames } = systemWithConsole)
})
afterAll(() => systemWithConsole?.[Symbol.asyncDispose]())

describe('safety', () => {
  test('a page of another origin changes nothing, and another name is refused', async () => {
    const { port } = new URL(url)
    const body = { words: ['payments', 'kill'] }
    const ask = (headers: Record<string, string>) =>
      call('POST', `${url}/api/faults`, { headers, body })
    expect((await ask({})).status).toBe(403)
    expect((await ask({ ...asPage, origin: 'https://evil.example' })).status).toBe(403)
    expect((await ask({ ...asPage, origin: `http://127.0.0.1:1` })).status).toBe(403)
    await using opened = await openPage(browser, 'data:text/html,<title>elsewhere</title>')
    const { page } = opened
    const read = await page.evaluate(
      async address =>
        fetch(address).then(
          () => 'read',
          () => 'refused',
        ),
      `http://127.0.0.1:${port}/api/snapshot`,
    )
    expect(read).toBe('refused')
    const { restarts } = await system.status('payments')
    expect(restarts).toBe(0)
  })

  test.each([
    ['a process that is not there', { words: ['payment', 'kill'] }, 'Did you mean payments'],
    ['a fault that it cannot have', { words: ['payments', 'drop'] }, 'no fault that payments can'],
    ['no word', { words: [] }, 'words'],
    ['an expiry in the past', { words: ['payments', 'freeze'], expiresInMs: -1 }, 'expiresInMs'],
    [
      'an expiry of a day',
      { words: ['payments', 'freeze'], expiresInMs: 86_400_000 },
      'expiresInMs',
    ],
    ['a field that is not known', { words: ['payments', 'kill'], shell: 'true' }, 'additional'],
  ])('%s is refused with the reason', async (_what, body, reason) => {
    const answer = await call('POST', `${url}/api/faults`, { headers: asPage, body })
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.json.error).toContain(reason)
    expect(await openNames()).toEqual([])
  })

  test('two faults of one link, and one setting that is changed twice, heal by themselves', async () => {
    const faults = [
      { words: ['payments-postgres', 'latency'], flags: { latency: '50' }, expiresInMs: 1_000 },
      { words: ['payments-postgres', 'bandwidth'], flags: { rate: '1000' }, expiresInMs: 1_500 },
      { words: ['card-provider', 'latencyMs=500'], expiresInMs: 1_500 },
      { words: ['card-provider', 'latencyMs=900'], expiresInMs: 1_000 },
    ]
    for (const body of faults) {
      const answer = await call('POST', `${url}/api/faults`, { headers: asPage, body })
      expect(answer.json).toMatchObject({ healsAt: expect.any(Number) })
    }
    expect(await openNames()).not.toEqual([])
    await eventually('all is healed', async () => (await openNames()).length === 0 || undefined)
  })

  test.each([{ NODE_ENV: 'production' }, { HOST: '0.0.0.0' }])(
    'it does not start with %j',
    async env => {
      await system.stop('console')
      await system.start('console', { env })
      const { lastEnd } = await eventually('it has ended', async () => {
        const status = await system.status('console')
        return status.lastEnd === undefined ? undefined : status
      })
      expect(lastEnd).toContain('78')
      expect(await system.logs('console')).toContain('configuration.refused')
      await system.stop('console')
      await system.start('console', { env: { NODE_ENV: 'test', HOST: '127.0.0.1' } })
      await system.waitReady('console')
    },
  )

  test('no secret and no address of a person is on a page', async () => {
    const pages = await Promise.all(
      ['/api/snapshot', '/api/history', '/api/faults/targets', '/api/processes/payments/log'].map(
        async path => (await call('GET', `${url}${path}`)).text,
      ),
    )
    for (const secret of [
      system.controlToken,
      system.secrets.cardProviderSecretKey,
      system.apiKeys['acme'] ?? '',
      'pm_card',
    ]) {
      expect(pages.join()).not.toContain(secret)
    }
  })
})

test('the console needs no more than 150 MiB', async () => {
  const console = await eventually('its memory is known', async () =>
    (await snapshot()).processes.find(({ name, memoryMiB }) => name === 'console' && memoryMiB),
  )
  expect(console.memoryMiB).toBeLessThanOrEqual(150)
})
