import { randomUUID } from 'node:crypto'
import {
  type Answer,
  as,
  call,
  eventually,
  setProviderFaults,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'

/** The provider takes so many charges per second, and so many callers ask without a pause. */
const chargesPerSecond = 10
const callers = 8
/**
 * So many at once, and so small a quota, are far beyond what a few repetitions inside of requests could
 * smooth out, also on a machine that answers a request in a second.
 */
const naiveCallers = 24
const naiveQuotaPerSecond = 3
const capturedMin = 60
/** So few that the backlog, which the naive version has as well, has room for them. */
const begunNaively = 30
/** Far more than are needed, so that a service that takes none ends the test. */
const requestsMax = 20_000
const finishedMs = 60_000
/** Callers without a pause would reach the limit of their tenant, which this is not about. */
const noLimit = { PAYMENTS_PER_TENANT_PER_SECOND: '100000' }

test('what the quota of the provider has no room for is refused before it is begun', async () => {
  await using system = await openQuotaSystem('on', chargesPerSecond)
  const answers = await payWithoutPause(system, { statuses: [201], count: capturedMin })
  const byStatus = Map.groupBy(answers, ({ status }) => status)
  const count = (status: number) => byStatus.get(status)?.length ?? 0
  expect([...byStatus.keys()].sort()).toEqual(expect.arrayContaining([201, 503]))
  expect(count(201) + count(202) + count(503)).toBe(answers.length)
  // The first refusals teach the limit, and later a probe for more is refused now and then. Their
  // payments are begun, and finished a little later.
  expect(count(202)).toBeLessThan(count(201) / 2)
  for (const refused of byStatus.get(503) ?? []) {
    expect(refused.json.type).toBe('/problems/overloaded')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  for (const open of byStatus.get(202) ?? []) await untilCaptured(system, open.json.paymentId)
}, 120_000)

test('the naive version begins what the provider refuses, and leaves it open', async () => {
  await using system = await openQuotaSystem('naive', naiveQuotaPerSecond)
  const answers = await payWithoutPause(
    system,
    { statuses: [201, 202], count: begunNaively },
    naiveCallers,
  )
  const open = answers.filter(({ status }) => status === 202)
  const captured = answers.filter(({ status }) => status === 201)
  expect(open.length).toBeGreaterThan(captured.length)
}, 120_000)

async function openQuotaSystem(
  loadShedding: 'on' | 'naive',
  quotaPerSecond: number,
): Promise<TestSystem> {
  const system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
    env: { payments: { PATTERN_LOAD_SHEDDING: loadShedding, ...noLimit } },
  })
  await setProviderFaults(system, { quotaPerSecond })
  return system
}

/** Each caller pays again and again, with a new key each time, until there are enough such answers. */
async function payWithoutPause(
  system: TestSystem,
  enough: Readonly<{ statuses: readonly number[]; count: number }>,
  callersMax: number = callers,
): Promise<Answer[]> {
  const answers: Answer[] = []
  let counted = 0
  const caller = async () => {
    while (counted < enough.count && answers.length < requestsMax) {
      const answer = await pay(system)
      answers.push(answer)
      if (enough.statuses.includes(answer.status)) counted += 1
    }
  }
  await Promise.all(Array.from({ length: callersMax }, caller))
  expect(counted).toBeGreaterThanOrEqual(enough.count)
  return answers
}

function pay(system: TestSystem): Promise<Answer> {
  const body = {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
  const headers = as(system, 'acme', `test-${randomUUID()}`)
  return call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
}

async function untilCaptured(system: TestSystem, paymentId: string): Promise<void> {
  const url = `${system.urls.payments}/v1/payments/${paymentId}`
  await eventually(
    'the payment that was begun is finished',
    async () => {
      const { json } = await call('GET', url, { headers: as(system, 'acme') })
      return json.status === 'captured' ? true : undefined
    },
    finishedMs,
  )
}
