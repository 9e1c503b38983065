import { randomUUID } from 'node:crypto'
import {
  type Answer,
  as,
  call,
  chargesFor,
  eventually,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'

const atOnce = 10
/** The longest wait between two checks is partly random, and the breaker must close first. */
const catchUpMs = 60_000

test('a full backlog refuses new payments, and every accepted payment is finished', async () => {
  const parts = inject('parts')
  await using system = await openTestSystem({ parts, run: ['card-provider', 'payments'] })
  type Keyed = ReturnType<typeof newKeyedPayment>
  const pay = async (keyed: Keyed, tenant: 'acme' | 'lumen' = 'acme'): Promise<Answer> => {
    const { key, ...body } = keyed
    const headers = as(system, tenant, key)
    return call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  }
  await system.stop('card-provider')

  const accepted = new Map<string, Keyed>()
  const refused = await eventually('payments refuses', async () => {
    const sent = Array.from({ length: atOnce }, newKeyedPayment)
    const answers = await Promise.all(sent.map(one => pay(one)))
    answers.forEach((answer, at) => {
      const keyed = sent[at]
      if (answer.status === 202 && keyed) accepted.set(answer.json.paymentId, keyed)
    })
    const at = answers.findIndex(({ status }) => status === 503)
    const [answer, keyed] = [answers[at], sent[at]]
    return answer && keyed ? { answer, keyed } : undefined
  })
  expect(refused.answer.json.type).toBe('/problems/overloaded')
  expect(Number(refused.answer.headers.get('retry-after'))).toBeGreaterThan(0)
  // One employer can fill two thirds, and the others still find room.
  expect(accepted.size).toBeGreaterThanOrEqual((limits.backlog.openMin * 2) / 3)
  const other = await pay(newKeyedPayment(), 'lumen')
  expect(other.status).toBe(202)

  const [first] = accepted.values()
  const again = first && (await pay(first))
  expect([202, 409], 'an accepted request may be repeated').toContain(again?.status)

  await system.start('card-provider')
  await system.waitReady('card-provider')
  const late = await eventually(
    'the refused request is accepted under its key',
    async () => {
      const answer = await pay(refused.keyed)
      return answer.status === 201 ? answer : undefined
    },
    catchUpMs,
  )
  expect(late.headers.get('idempotency-replayed')).toBeNull()
  for (const [paymentId, { publicationId }] of accepted) {
    await eventually(
      'an accepted payment is final',
      async () => {
        const headers = as(system, 'acme')
        const url = `${system.urls.payments}/v1/payments/${paymentId}`
        const { json } = await call('GET', url, { headers })
        return json.status === 'captured' ? true : undefined
      },
      catchUpMs,
    )
    expect(await chargesFor(system, publicationId)).toHaveLength(1)
  }
  expect(await chargesFor(system, refused.keyed.publicationId)).toHaveLength(1)
}, 120_000)

function newKeyedPayment() {
  return {
    key: `test-${randomUUID()}`,
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
}
