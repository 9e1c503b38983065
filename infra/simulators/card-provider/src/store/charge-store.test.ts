import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import type { ProviderLogLine } from '../log/provider-log-entry.ts'
import { defaultSettings } from '../settings/fault-settings.ts'
import { createChargeStore } from './charge-store.ts'

const recordsMax = 1_000
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

/** Charges one after another, and answers how many were refused. */
function chargeMany(
  store: ReturnType<typeof createChargeStore>,
  count: number,
  pass: () => number,
) {
  let refused = 0
  for (let index = 0; index < count; index += 1) {
    const atMs = pass()
    const id = `${atMs}`
    if (store.claim(`key-${id}`, id).kind !== 'free') {
      refused += 1
      continue
    }
    store.apply(line('intent.succeeded', id, atMs))
    store.release(`key-${id}`)
  }
  return refused
}

test('a charge is found however old it is, as long as there is room', () => {
  let nowMs = 0
  const store = createChargeStore(() => nowMs)
  store.apply(line('intent.succeeded', 'a', 0))
  store.apply(line('refund.succeeded', 'a', 0))
  nowMs = 30 * dayMs
  expect(store.claim('another', 'b').kind).toBe('free')
  expect(store.listIntents({ payment_id: 'payment-of-a' })).toHaveLength(1)
  expect(store.findRefund('re-a')).toBeDefined()
})

test('when there is no room, settled charges leave the memory after their keys, and new ones are taken', () => {
  let nowMs = 0
  const store = createChargeStore(() => nowMs, recordsMax)
  store.apply(line('intent.authorized', 'open', 0))
  const everyMs = (2 * dayMs) / recordsMax
  const pass = () => {
    nowMs += everyMs
    return nowMs
  }
  expect(chargeMany(store, recordsMax * 2, pass)).toBe(0)
  expect(store.kept()).toBeLessThanOrEqual(recordsMax)
  expect(store.findIntent(`${everyMs}`)).toBeUndefined()
  expect(store.findIntent(`${nowMs}`)).toBeDefined()
  expect(store.findIntent('open')).toBeDefined()
})

test('no charge is forgotten whose key is still known, or that is younger than two hours', () => {
  let nowMs = 0
  const store = createChargeStore(() => nowMs, recordsMax)
  const settings = { ...defaultSettings, keyWindowSeconds: 1 }
  const at = new Date(0).toISOString()
  store.apply({ type: 'settings.changed', cause: 'patch', settings, at, seq: 1 })
  const pass = () => {
    nowMs += 1
    return nowMs
  }
  expect(chargeMany(store, recordsMax, pass)).toBe(0)
  expect(store.claim('one more', 'x').kind).toBe('full')
  nowMs = limits.settledKeptMs + 1
  expect(store.claim('one more', 'x').kind).toBe('free')
})

test('a log that is read back days later gives a late refund the charge that it had', () => {
  const store = createChargeStore(() => 30 * dayMs)
  store.apply(line('intent.succeeded', 'a', 0))
  store.apply(line('refund.succeeded', 'a', dayMs - 1))
  expect(store.findIntent('a')).toMatchObject({ amountReceived: 9_900, amountRefunded: 9_900 })
})
