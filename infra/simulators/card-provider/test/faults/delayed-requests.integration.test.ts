import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../wait-until.ts'
import type { Provider, Providers } from '../provider.ts'
import { openProviders, patienceMs, unique } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())
beforeEach(async () => {
  await provider.rest()
})

const lateCard = { payment_method: 'pm_card_late' }
const lateCardMs = 5_000
/** Timers and the clock round differently. */
const clockMs = 5

async function waitForLog(payment: string, types: readonly string[], on = provider) {
  const deadlineMs = 2 * lateCardMs
  const asExpected = async () => (await on.providerLogOf(payment)).join() === types.join()
  await waitUntil(`${payment} is ${types.join()}`, asExpected, deadlineMs)
}

describe.concurrent('pm_card_late', () => {
  test('is charged 5 s later although its client has left, and shows nowhere until then', async () => {
    const payment = unique()
    await provider.chargeInSilence(payment, lateCard)
    expect(await provider.providerLogOf(payment)).toEqual(['request.delayed'])
    const list = `/v1/payment_intents?metadata[payment_id]=${payment}`
    expect((await provider.get(list)).body.data).toEqual([])

    await waitForLog(payment, ['request.delayed', 'intent.succeeded'])
    const [delayed, charged] = await provider.linesOf(payment)
    expect(delayed).toMatchObject({ cause: 'payment_method', paymentMethod: 'late', amount: 9900 })
    expect(charged).toMatchObject({ late: true, requestId: delayed.requestId, amount: 9900 })
    expect(Date.parse(delayed.dueAt) - Date.parse(delayed.at)).toBeCloseTo(lateCardMs, -2)
    expect(Date.parse(charged.at)).toBeGreaterThanOrEqual(Date.parse(delayed.dueAt) - clockMs)
    const { body } = await provider.get(list)
    expect(body.data).toMatchObject([{ id: charged.intentId, status: 'succeeded' }])
    const again = await provider.charge(payment, lateCard)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  test('asked again under its key is charged at once, and the late request moves no money', async () => {
    const payment = unique()
    await provider.chargeInSilence(payment, lateCard)
    const { status, headers, body } = await provider.charge(payment, lateCard)
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    const types = ['request.delayed', 'intent.succeeded', 'request.repeated']
    await waitForLog(payment, types)
    const [delayed, charged, repeated] = await provider.linesOf(payment)
    expect(charged).not.toHaveProperty('late')
    expect(repeated).toMatchObject({ late: true, intentId: body.id, requestId: delayed.requestId })
  })

  test('without a key is charged each time', async () => {
    const payment = unique()
    await provider.chargeInSilence(payment, lateCard, { key: '' })
    await provider.chargeInSilence(payment, lateCard, { key: '' })
    await waitForLog(payment, [
      ...['request.delayed', 'request.delayed'],
      ...['intent.succeeded', 'intent.succeeded'],
    ])
  })

  test('whose key was given to another request meanwhile is dropped', async () => {
    const payment = unique()
    await provider.chargeInSilence(payment, lateCard)
    expect((await provider.charge(payment, { amount: '500' })).status).toBe(200)
    await waitForLog(payment, ['request.delayed', 'intent.succeeded', 'request.dropped'])
    const [, , dropped] = await provider.linesOf(payment)
    expect(dropped).toMatchObject({ late: true, cause: 'other_request', amount: 9900 })
  })
})

describe('the setting', () => {
  test('delays any card, and a late decline moves no money', async () => {
    await provider.turn({ lateMs: 300 })
    const payment = unique()
    await provider.chargeInSilence(payment, { payment_method: 'pm_card_chargeDeclined' })
    await provider.rest()
    await waitForLog(payment, ['request.delayed', 'intent.declined'])
    const [delayed, declined] = await provider.linesOf(payment)
    expect(delayed).toMatchObject({ cause: 'setting', declineCode: 'generic_decline' })
    expect(declined).toMatchObject({ late: true, declineCode: 'generic_decline' })
  })

  test('takes a share of the charges, and a stored answer too', async () => {
    await provider.turn({ lateMs: 1, lateRate: 0 })
    const payment = unique()
    expect((await provider.charge(payment)).status).toBe(200)
    await provider.turn({ lateRate: 1 })
    await provider.chargeInSilence(payment)
    await waitForLog(payment, ['intent.succeeded', 'request.delayed', 'request.repeated'])
  })

  test('a late request waits for the one that has its key', async () => {
    await provider.turn({ lateMs: 1_000 })
    const payment = unique()
    await provider.chargeInSilence(payment, {}, { timeoutMs: 50 })
    await provider.turn({ lateMs: 0, latencyMs: 2_000 })
    expect((await provider.charge(payment)).status).toBe(200)
    await waitForLog(payment, ['request.delayed', 'intent.succeeded', 'request.repeated'])
  })
})

test.each(['kill', 'stop'] as const)(
  'after a %s what was delayed is executed, what was executed is not',
  async end => {
    const providerLog = `${end}.jsonl`
    const before = await providers.start(providerLog)
    const [overdue, waiting, done] = [unique(), unique(), unique()]
    await before.turn({ lateMs: patienceMs })
    await before.chargeInSilence(done)
    await waitForLog(done, ['request.delayed', 'intent.succeeded'], before)
    await before.turn({ lateMs: 3 * patienceMs, declineRate: 1 })
    await before.chargeInSilence(overdue, {}, { timeoutMs: patienceMs / 2 })
    await before.turn({ lateMs: 2_000, declineRate: 0 })
    await before.chargeInSilence(waiting)
    await before[end]()

    const after = await providers.start(providerLog)
    await waitForLog(overdue, ['request.delayed', 'intent.declined'], after)
    await waitForLog(waiting, ['request.delayed', 'intent.succeeded'], after)
    const [delayed, charged] = await after.linesOf(waiting)
    expect(Date.parse(charged.at)).toBeGreaterThanOrEqual(Date.parse(delayed.dueAt) - clockMs)
    expect(await after.providerLogOf(done)).toEqual(['request.delayed', 'intent.succeeded'])
    await after.kill()

    const third = await providers.start(providerLog)
    expect((await third.charge(waiting)).headers.get('idempotent-replayed')).toBe('true')
    expect(await third.providerLogOf(waiting)).toEqual(['request.delayed', 'intent.succeeded'])
    await third.kill()
  },
)
