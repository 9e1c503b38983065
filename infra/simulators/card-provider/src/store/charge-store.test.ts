import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import type { ProviderLogLine } from '../log/provider-log-entry.ts'
import { defaultSettings } from '../settings/fault-settings.ts'
import { createChargeStore } from './charge-store.ts'

const hourMs = 3_600_000
const dayMs = defaultSettings.keyWindowSeconds * 1_000

type LineType = 'intent.succeeded' | 'intent.authorized' | 'intent.captured' | 'refund.succeeded'

function line(type: LineType, intentId: string, atMs: number): ProviderLogLine {
  return {
    type,
    intentId,
    at: new Date(atMs).toISOString(),
    seq: 1,
    amount: 9_900,
    currency: 'eur',
    metadata: { payment_id: `payment-of-${intentId}` },
    paymentMethod: 'pm_card_visa',
    idempotencyKey: `${type}-${intentId}`,
    requestId: 'req',
    fingerprint: intentId,
    action: 'refund',
    refundId: `re-${intentId}`,
    reason: null,
    refundMetadata: {},
  } as ProviderLogLine
}

test('a settled charge leaves the memory with its key, and new ones are admitted for ever', () => {
  let nowMs = 0
  const store = createChargeStore(() => nowMs)
  const everyMs = hourMs / 100
  for (let index = 0; index < 10_000; index += 1) {
    nowMs = index * everyMs
    expect(store.claim(`key-${index}`, `${index}`).kind).toBe('free')
    store.apply(line('intent.succeeded', `${index}`, nowMs))
    store.apply(line('refund.succeeded', `${index}`, nowMs))
    store.release(`key-${index}`)
  }
  expect(store.kept()).toBeLessThanOrEqual((2 * dayMs) / everyMs + 2)
  expect(store.findIntent('0')).toBeUndefined()
  expect(store.findRefund('re-0')).toBeUndefined()
  expect(store.listIntents({ payment_id: 'payment-of-0' })).toEqual([])
  expect(store.listRefunds('9999')).toHaveLength(1)
  expect(store.claim('intent.succeeded-9999', '9999').kind).toBe('answered')
})

test('a short key window forgets keys, and keeps settled charges for two hours', () => {
  let nowMs = 0
  const store = createChargeStore(() => nowMs)
  const settings = { ...defaultSettings, keyWindowSeconds: 1 }
  const at = new Date(0).toISOString()
  store.apply({ type: 'settings.changed', cause: 'patch', settings, at, seq: 1 })
  store.apply(line('intent.succeeded', 'a', 0))
  nowMs = limits.settledKeptMs - 1
  expect(store.claim('intent.succeeded-a', 'a').kind).toBe('free')
  expect(store.findIntent('a')).toBeDefined()
  nowMs = limits.settledKeptMs
  store.claim('another', 'b')
  expect(store.findIntent('a')).toBeUndefined()
})

test('an authorization stays until it is captured, however old it is', () => {
  const store = createChargeStore(() => 10 * dayMs)
  store.apply(line('intent.authorized', 'a', 0))
  store.apply(line('intent.succeeded', 'b', 5 * dayMs))
  expect(store.findIntent('a')).toBeDefined()
  store.apply(line('intent.captured', 'a', 6 * dayMs))
  expect(store.findIntent('a')).toMatchObject({ status: 'succeeded', amountReceived: 9_900 })
  store.claim('another', 'b')
  expect(store.findIntent('a')).toBeUndefined()
})

test('a log that is read back days later gives a late refund the charge that it had', () => {
  const store = createChargeStore(() => 30 * dayMs)
  store.apply(line('intent.succeeded', 'a', 0))
  store.apply(line('refund.succeeded', 'a', dayMs - 1))
  expect(store.findIntent('a')).toMatchObject({ amountReceived: 9_900, amountRefunded: 9_900 })
})
