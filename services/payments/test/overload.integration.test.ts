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
/** Half of the longest wait between two looks is random, and the breaker has to close again. */
const workedOffMs = 60_000

test('what can not be finished in time is refused and not begun; what was accepted is finished', async () => {
  const parts = inject('parts')
  await using system = await openTestSystem({ parts, run: ['card-provider', 'payments'] })
  const pay = async (wish: ReturnType<typeof newWish>): Promise<Answer> => {
    const { key, ...body } = wish
    const headers = as(system, 'acme', key)
    return call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  }
  await system.stop('card-provider')

  const accepted = new Map<string, ReturnType<typeof newWish>>()
  const refused = await eventually('payments refuses', async () => {
    const wishes = Array.from({ length: atOnce }, newWish)
    const answers = await Promise.all(wishes.map(pay))
    answers.forEach((answer, at) => {
      const wish = wishes[at]
      if (answer.status === 202 && wish) accepted.set(answer.json.paymentId, wish)
    })
    const at = answers.findIndex(({ status }) => status === 503)
    const [answer, wish] = [answers[at], wishes[at]]
    return answer && wish ? { answer, wish } : undefined
  })
  expect(refused.answer.json.type).toBe('/problems/overloaded')
  expect(Number(refused.answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(accepted.size).toBeGreaterThanOrEqual(limits.backlog.openMax)

  const [first] = accepted.values()
  const again = first && (await pay(first))
  expect([202, 409], 'what was begun may still be asked for').toContain(again?.status)

  await system.start('card-provider')
  await system.waitReady('card-provider')
  const late = await eventually(
    'the key that was refused is as good as new',
    async () => {
      const answer = await pay(refused.wish)
      return answer.status === 201 ? answer : undefined
    },
    workedOffMs,
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
      workedOffMs,
    )
    expect(await chargesFor(system, publicationId)).toHaveLength(1)
  }
  expect(await chargesFor(system, refused.wish.publicationId)).toHaveLength(1)
}, 120_000)

function newWish() {
  return {
    key: `test-${randomUUID()}`,
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
}
