import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeIntent, perform } from '../actions.ts'
import type { Provider, Providers } from '../provider.ts'
import { answerOf, newPayment, openProviders, secretKey } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())

function readSettlement(query: string, accept: string, on = provider): Promise<Response> {
  const headers = { authorization: `Bearer ${secretKey}`, accept }
  return fetch(`${on.url}/settlement${query}`, { headers })
}

async function rowsOf(query = '', on = provider) {
  return (await answerOf(readSettlement(query, 'application/json', on))).body.rows
}

test('the settlement has each captured charge and each refund, with fee and net, and nothing else', async () => {
  expect(await rowsOf()).toEqual([])
  const [paid, captured, comma] = [newPayment(), newPayment(), `a "quoted", ${newPayment()}`]
  for (const status of ['requires_payment_method', 'requires_confirmation', 'canceled'] as const) {
    await makeIntent(provider, newPayment(), status)
  }
  const first = await makeIntent(provider, paid, 'succeeded')
  const second = await makeIntent(provider, captured, 'requires_capture')
  await provider.post(`/payment_intents/${second}/capture`, { amount_to_capture: '1250' })
  const { body: refund } = await perform(provider, 'refund', first)
  const third = await makeIntent(provider, comma, 'succeeded')

  const rows = await rowsOf()
  const currency = 'eur'
  const charge = (id: string) => ({
    at: expect.any(String),
    type: 'charge',
    id: id.replace('pi_', 'ch_'),
    intent_id: id,
    currency,
    refund_id: '',
  })
  // 1.4 % of 9900 is 138.6, and of 1250 it is 17.5. Both are rounded up, and 25 are added.
  const whole = { gross: 9900, fee: 164, net: 9736 }
  expect(rows).toEqual([
    { ...charge(first), ...whole, payment_id: paid },
    { ...charge(second), gross: 1250, fee: 43, net: 1207, payment_id: captured },
    {
      at: expect.any(String),
      type: 'refund',
      id: refund.id,
      intent_id: first,
      gross: -9900,
      fee: 0,
      net: -9900,
      currency,
      payment_id: paid,
      refund_id: `r-${first}`,
    },
    { ...charge(third), ...whole, payment_id: comma },
  ])

  const response = await readSettlement('', '*/*')
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  const lines = (await response.text()).trimEnd().split('\n')
  expect(lines[0]).toBe('at,type,id,intent_id,gross,fee,net,currency,payment_id,refund_id')
  expect(lines).toHaveLength(5)
  expect(lines[1]).toBe(Object.values(rows[0]).join(','))
  expect(lines[4]).toContain(`,eur,"a ""quoted"", ${comma.split(', ')[1]}",`)

  await provider.kill()
  provider = await providers.start('provider.jsonl')
  expect(await rowsOf()).toEqual(rows)
})

test('a period includes its beginning and excludes its end, so that days join without a gap', async () => {
  const rows = await rowsOf()
  const middle = encodeURIComponent(rows[2].at)
  expect(await rowsOf(`?to=${middle}`)).toEqual(
    rows.filter((row: { at: string }) => row.at < rows[2].at),
  )
  expect(await rowsOf(`?from=${middle}`)).toEqual(
    rows.filter((row: { at: string }) => row.at >= rows[2].at),
  )
  expect(await rowsOf('?from=2020-01-01&to=2020-01-02')).toEqual([])
})

test.each(['?from=yesterday', '?to=', '?form=2020-01-01'])(
  'a settlement with %s is refused',
  async query => {
    expect((await readSettlement(query, 'application/json')).status).toBe(400)
  },
)
