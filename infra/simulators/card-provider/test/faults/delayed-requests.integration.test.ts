import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
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

const lateCard = { payment_method: 'pm_card_late' }
const lateCardMs = 5_000
/** Timers and the clock round differently, by up to this much. */
const roundingMs = 5

async function waitForLog(payment: string, types: readonly string[], on = provider) {
  const deadlineMs = 2 * lateCardMs
  const asExpected = async () => (await on.typesOf(payment)).join() === types.join()
  await waitUntil(`${payment} is ${types.join()}`, asExpected, deadlineMs)
}

describe.concurrent('a request with pm_card_late', () => {
  test('charges 5 s later although its client has left, and the API does not show it until then', async () => {
    const payment = newPayment()
    await provider.chargeUnanswered(payment, lateCard)
    expect(await provider.typesOf(payment)).toEqual(['request.delayed'])
    const list = `/v1/payment_intents?metadata[payment_id]=${payment}`
    expect((await provider.get(list)).body.data).toEqual([])

    await waitForLog(payment, ['request.delayed', 'intent.succeeded'])
    const [delayed, charged] = await provider.linesOf(payment)
    expect(delayed).toMatchObject({ cause: 'payment_method', paymentMethod: 'late', amount: 9900 })
    expect(charged).toMatchObject({ late: true, requestId: delayed.requestId, amount: 9900 })
    expect(Date.parse(delayed.dueAt) - Date.parse(delayed.at)).toBeCloseTo(lateCardMs, -2)
    expect(Date.parse(charged.at)).toBeGreaterThanOrEqual(Date.parse(delayed.dueAt) - roundingMs)
    const { body } = await provider.get(list)
    expect(body.data).toMatchObject([{ id: charged.intentId, status: 'succeeded' }])
    const again = await provider.charge(payment, lateCard)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  test('charges at once when it is repeated under its key, and the delayed request then moves no money', async () => {
    const payment = newPayment()
    await provider.chargeUnanswered(payment, lateCard)
    const { status, headers, body } = await provider.charge(payment, lateCard)
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    const types = ['request.delayed', 'intent.succeeded', 'request.repeated']
    await waitForLog(payment, types)
    const [delayed, charged, repeated] = await provider.linesOf(payment)
    expect(charged).not.toHaveProperty('late')
    expect(repeated).toMatchObject({ late: true, intentId: body.id, requestId: delayed.requestId })
  })

  test('charges each time when it has no key', async () => {
    const payment = newPayment()
    await provider.chargeUnanswered(payment, lateCard, { key: '' })
    await provider.chargeUnanswered(payment, lateCard, { key: '' })
    await waitForLog(payment, [
      'request.delayed',
      'request.delayed',
      'intent.succeeded',
      'intent.succeeded',
    ])
  })

  test('is dropped when another request took its key meanwhile', async () => {
    const payment = newPayment()
    await provider.chargeUnanswered(payment, lateCard)
    expect((await provider.charge(payment, { amount: '500' })).status).toBe(200)
    await waitForLog(payment, ['request.delayed', 'intent.succeeded', 'request.dropped'])
    const [, , dropped] = await provider.linesOf(payment)
    expect(dropped).toMatchObject({ late: true, cause: 'other_request', amount: 9900 })
  })
})

describe('the setting lateMs', () => {
  test('delays any card, and a delayed decline moves no money', async () => {
    await provider.changeSettings({ lateMs: 300 })
    const payment = newPayment()
    await provider.chargeUnanswered(payment, { payment_method: 'pm_card_chargeDeclined' })
    await provider.resetSettings()
    await waitForLog(payment, ['request.delayed', 'intent.declined'])
    const [delayed, declined] = await provider.linesOf(payment)
    expect(delayed).toMatchObject({ cause: 'setting', declineCode: 'generic_decline' })
    expect(declined).toMatchObject({ late: true, declineCode: 'generic_decline' })
  })

  test('delays only its share of the charges, and replays as well', async () => {
    await provider.changeSettings({ lateMs: 1, lateRate: 0 })
    const payment = newPayment()
    expect((await provider.charge(payment)).status).toBe(200)
    await provider.changeSettings({ lateRate: 1 })
    await provider.chargeUnanswered(payment)
    await waitForLog(payment, ['intent.succeeded', 'request.delayed', 'request.repeated'])
  })

  test('makes a delayed request wait for the request that has its key', async () => {
    await provider.changeSettings({ lateMs: 1_000 })
    const payment = newPayment()
    await provider.chargeUnanswered(payment, {}, { timeoutMs: 50 })
    await provider.changeSettings({ lateMs: 0, latencyMs: 2_000 })
    expect((await provider.charge(payment)).status).toBe(200)
    await waitForLog(payment, ['request.delayed', 'intent.succeeded', 'request.repeated'])
  })
})

test.each(['kill', 'stop'] as const)(
  'after a %s delayed requests are executed, and executed ones are not executed again',
  async end => {
    const providerLog = `${end}.jsonl`
    const before = await providers.start(providerLog)
    const [overdue, waiting, done] = [newPayment(), newPayment(), newPayment()]
    await before.changeSettings({ lateMs: noAnswerMs })
    await before.chargeUnanswered(done)
    await waitForLog(done, ['request.delayed', 'intent.succeeded'], before)
    await before.changeSettings({ lateMs: 3 * noAnswerMs, declineRate: 1 })
    await before.chargeUnanswered(overdue, {}, { timeoutMs: noAnswerMs / 2 })
    await before.changeSettings({ lateMs: 2_000, declineRate: 0 })
    await before.chargeUnanswered(waiting)
    await before[end]()

    const after = await providers.start(providerLog)
    await waitForLog(overdue, ['request.delayed', 'intent.declined'], after)
    await waitForLog(waiting, ['request.delayed', 'intent.succeeded'], after)
    const [delayed, charged] = await after.linesOf(waiting)
    expect(Date.parse(charged.at)).toBeGreaterThanOrEqual(Date.parse(delayed.dueAt) - roundingMs)
    expect(await after.typesOf(done)).toEqual(['request.delayed', 'intent.succeeded'])
    await after.kill()

    const third = await providers.start(providerLog)
    expect((await third.charge(waiting)).headers.get('idempotent-replayed')).toBe('true')
    expect(await third.typesOf(waiting)).toEqual(['request.delayed', 'intent.succeeded'])
    await third.kill()
  },
)
