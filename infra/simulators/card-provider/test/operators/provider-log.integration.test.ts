import { appendFile, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Provider, Providers } from '../provider.ts'
import { newPayment, noAnswerMs, openProviders } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())
beforeEach(async () => {
  await provider.resetSettings()
})

describe('the settings', () => {
  test.each([
    [{ latncyMs: 5 }, 'latncyMs'],
    [{ latencyMs: -1 }, 'latencyMs'],
    [{ latencyMs: '5' }, 'latencyMs'],
    [{ declineRate: 1.1 }, 'declineRate'],
    [{ silence: 'sometimes' }, 'silence'],
    [{ silenceRate: null }, 'silenceRate'],
    [{ keyWindowSeconds: 0 }, 'keyWindowSeconds'],
  ])('refuse %o with the name of the setting, and change nothing', async (settings, name) => {
    const before = await provider.get('/settings')
    const { status, body } = await provider.changeSettings({ ...settings, seed: 99 })
    expect(status).toBe(400)
    expect(body.error.param).toBe(name)
    expect(body.error.message).toContain(name)
    expect((await provider.get('/settings')).body).toEqual(before.body)
  })

  test('decline the same charges with the same seed', async () => {
    async function tenCharges(): Promise<number[]> {
      await provider.changeSettings({ seed: 7, declineRate: 0.5 })
      const statuses: number[] = []
      for (let n = 0; n < 10; n++) statuses.push((await provider.charge(newPayment())).status)
      return statuses
    }
    const first = await tenCharges()
    expect(first).toEqual(expect.arrayContaining([200, 402]))
    expect(await tenCharges()).toEqual(first)
  })
})

describe('the provider log', () => {
  test('is read in pages that join without a gap', async () => {
    await Promise.all(Array.from({ length: 25 }, () => provider.charge(newPayment())))
    const seqs: number[] = []
    let page = { nextAfter: 0, hasMore: true }
    while (page.hasMore) {
      const { body } = await provider.get(`/log?after=${page.nextAfter}&limit=7`)
      expect(body.lines.length).toBeLessThanOrEqual(7)
      seqs.push(...body.lines.map((line: { seq: number }) => line.seq))
      page = body
    }
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })

  test('cannot be written or removed over HTTP, and never contains the token of a card', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await fetch(`${provider.url}/log`, { method })).status).toBe(404)
    }
    await provider.charge(newPayment())
    expect(await readFile(providers.file('provider.jsonl'), 'utf8')).not.toContain('pm_card')
    expect(provider.output()).not.toContain('pm_card')
  })

  test('restores charges and keys after kill -9, with the default settings', async () => {
    const providerLog = providers.file('killed.jsonl')
    const before = await providers.start('killed.jsonl')
    const [paid, silent] = [newPayment(), newPayment()]
    const first = await before.charge(paid)
    const fields = { payment_method: 'pm_card_silentBefore' }
    const lost = before.charge(silent, fields, { timeoutMs: noAnswerMs })
    await expect(lost).rejects.toThrow('timeout')
    await before.changeSettings({ silence: 'before' })
    await before.kill()
    await appendFile(providerLog, '{"at":"2026-01-01T00:00:00.000Z","seq":4,"type":"intent.succ')

    const after = await providers.start('killed.jsonl')
    const again = await after.charge(paid)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.body).toEqual(first.body)
    expect((await after.charge(paid, { amount: '1' })).status).toBe(400)
    expect((await after.get(`/v1/payment_intents/${first.body.id}`)).body).toEqual(first.body)
    expect((await after.charge(silent, fields)).status).toBe(200)
    expect(await after.typesOf(silent)).toEqual(['request.dropped', 'intent.succeeded'])

    expect(await after.stop()).toBe(0)
    const text = (await readFile(providerLog, 'utf8')).trimEnd()
    const lines = text.split('\n').map(line => JSON.parse(line))
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    expect(lines[3]).toMatchObject({ type: 'settings.changed', cause: 'restart' })
    expect(lines[3].settings.silence).toBe('none')
  })

  test('prevents the start when a line in the middle is damaged', async () => {
    const providerLog = providers.file('damaged.jsonl')
    await appendFile(providerLog, '{"seq":1,"type":\n{"seq":2}\n')
    await expect(providers.start('damaged.jsonl')).rejects.toThrow('line 1 is not JSON')
  })
})
