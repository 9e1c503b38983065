import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import Stripe from 'stripe'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withToken } from '../../../start-simulator.ts'
import { answerOf, newPayment, openProviders, type Provider, secretKey } from '../provider.ts'
import { openWebhookReceiver, type WebhookReceiver } from '../webhook-receiver.ts'

/**
 * A field that Stripe's SDK declares is present or null, and never absent, so that code such as
 * `intent.next_action.type` behaves here as it does at Stripe. The compiler checks the types
 * (`satisfies` in `src/answers/show-intent.ts`). These tests check the sent answers against the same
 * declarations.
 */

const open = new AsyncDisposableStack()
let provider: Provider
let receiver: WebhookReceiver

beforeAll(async () => {
  receiver = open.use(await openWebhookReceiver())
  const providers = open.use(await openProviders(receiver.env))
  provider = await providers.start('provider.jsonl')
})
afterAll(() => open.disposeAsync())

const sdk = dirname(dirname(createRequire(import.meta.url).resolve('stripe')))

/** Reads the required fields of an interface from the declarations of the SDK. */
function requiredFields(file: string, name: string): string[] {
  const text = readFileSync(join(sdk, 'esm', file), 'utf8')
  const body = new RegExp(
    `^export (?:declare )?interface ${name}(?:<T>)? \\{\\n([\\s\\S]*?)^\\}`,
    'm',
  )
  const fields = body.exec(text)?.[1]?.matchAll(/^ {4}(\w+): /gm) ?? []
  const names = [...fields].map(([, field = '']) => field)
  if (names.length < 3) throw new Error(`${name} was not found in ${file}`)
  return names
}

/** Reads the required fields of an interface that is nested in another one. */
function nestedFields(file: string, name: string): string[] {
  const text = readFileSync(join(sdk, 'esm', file), 'utf8')
  const body = new RegExp(`^ {4}interface ${name} \\{\\n([\\s\\S]*?)^ {4}\\}`, 'm').exec(text)?.[1]
  return [...(body ?? '').matchAll(/^ {8}(\w+): /gm)].map(([, field = '']) => field)
}

const resources = {
  intent: requiredFields('resources/PaymentIntents.d.ts', 'PaymentIntent'),
  charge: requiredFields('resources/Charges.d.ts', 'Charge'),
  refund: requiredFields('resources/Refunds.d.ts', 'Refund'),
  transaction: requiredFields('resources/BalanceTransactions.d.ts', 'BalanceTransaction'),
  event: requiredFields('resources/Events.d.ts', 'EventBase'),
  list: requiredFields('lib.d.ts', 'ApiList'),
  searchResult: requiredFields('lib.d.ts', 'ApiSearchResult'),
}
const expandAll = { 'expand[]': 'latest_charge.balance_transaction' }

function missingFields(name: keyof typeof resources, sent: object): string[] {
  return resources[name].filter(field => !Object.hasOwn(sent, field))
}

test('an intent has all its fields in every status', async () => {
  const created = await provider.post('/payment_intents', { amount: '9900', currency: 'eur' })
  const canceled = await provider.post(`/payment_intents/${created.body.id}/cancel`)
  const good = await provider.charge(newPayment(), expandAll)
  const authorized = await provider.charge(newPayment(), { ...expandAll, capture_method: 'manual' })
  const bad = await provider.charge(newPayment(), { payment_method: 'pm_card_chargeDeclined' })
  const declined = bad.body.error.payment_intent
  for (const intent of [created.body, canceled.body, good.body, authorized.body, declined]) {
    expect(missingFields('intent', intent)).toEqual([])
    expect(intent.client_secret).toMatch(new RegExp(`^${intent.id}_secret_[A-Za-z0-9]+$`))
  }
  expect(missingFields('charge', good.body.latest_charge)).toEqual([])
  expect(missingFields('charge', authorized.body.latest_charge)).toEqual([])
  expect(missingFields('transaction', good.body.latest_charge.balance_transaction)).toEqual([])
  const billing = nestedFields('resources/Charges.d.ts', 'BillingDetails')
  expect(Object.keys(good.body.latest_charge.billing_details)).toEqual(billing)
  const feeDetail = nestedFields('resources/BalanceTransactions.d.ts', 'FeeDetail')
  const [fee] = good.body.latest_charge.balance_transaction.fee_details
  expect(Object.keys(fee)).toEqual(feeDetail)
})

test('the client secret of an intent never changes', async () => {
  const { body } = await provider.charge(newPayment())
  const { body: read } = await provider.get(`/v1/payment_intents/${body.id}`)
  expect(read.client_secret).toBe(body.client_secret)
})

test('a refund, its charge and its balance transaction have all their fields', async () => {
  const { body: intent } = await provider.charge(newPayment())
  const fields = {
    payment_intent: intent.id,
    'expand[0]': 'charge',
    'expand[1]': 'balance_transaction',
  }
  const { body: refund } = await provider.post('/refunds', fields)
  expect(missingFields('refund', refund)).toEqual([])
  expect(missingFields('charge', refund.charge)).toEqual([])
  expect(missingFields('transaction', refund.balance_transaction)).toEqual([])
})

test('lists and search results have all their fields', async () => {
  await provider.charge(newPayment())
  const lists = ['/v1/payment_intents', '/v1/refunds']
  for (const path of lists)
    expect(missingFields('list', (await provider.get(path)).body)).toEqual([])
  const query = encodeURIComponent("metadata['payment_id']:'none'")
  const found = await provider.get(`/v1/payment_intents/search?query=${query}`)
  expect(missingFields('searchResult', found.body)).toEqual([])
  expect(found.body.next_page).toBeNull()
})

test('an event has all its fields, and names its request and its API version', async () => {
  const payment = newPayment()
  const { headers } = await provider.charge(payment)
  const [received] = await receiver.waitFor(payment, 1)
  const event = received?.event
  expect(missingFields('event', event)).toEqual([])
  expect(missingFields('intent', event.data.object)).toEqual([])
  expect(event).toMatchObject({
    livemode: false,
    pending_webhooks: 1,
    api_version: Stripe.API_VERSION,
    request: { id: headers.get('request-id'), idempotency_key: `key-${payment}` },
  })
  expect(Object.keys(event.request)).toEqual(nestedFields('resources/Events.d.ts', 'Request'))
})

test.each([
  ['/v1/payment_intents?ending_before=pi_nope', 'ending_before', 'resource_missing'],
  ['/v1/payment_intents?starting_after=pi_nope', 'starting_after', 'resource_missing'],
  ['/v1/refunds?ending_before=re_nope', 'ending_before', 'resource_missing'],
  ['/v1/refunds?starting_after=a&ending_before=b', 'ending_before', 'parameters_exclusive'],
  ['/v1/payment_intents?starting_after=a&ending_before=b', 'ending_before', 'parameters_exclusive'],
  ["/v1/payment_intents/search?query=metadata['a']:'b'&page=pi_nope", 'page', 'resource_missing'],
  ['/v1/payment_intents?limit=0x10', 'limit', 'parameter_invalid_integer'],
  ['/v1/payment_intents?limit=1e1', 'limit', 'parameter_invalid_integer'],
  ['/v1/payment_intents?limit=%0a5', 'limit', 'parameter_invalid_integer'],
  ['/v1/payment_intents?limit=5%0a', 'limit', 'parameter_invalid_integer'],
  ['/v1/payment_intents?limit=', 'limit', 'parameter_invalid_integer'],
  ['/v1/payment_intents?customer=cus_1', 'customer', 'parameter_unknown'],
  ['/v1/payment_intents/pi_nope?expand=latest_charge', 'expand', 'parameter_unknown'],
  ['/v1/refunds?charge=ch_1', 'charge', 'parameter_unknown'],
])('GET %s is refused with the name of its parameter: %s', async (path, param, code) => {
  const { status, body } = await provider.get(path)
  expect(status).toBe(400)
  expect(body.error).toMatchObject({ type: 'invalid_request_error', param, code })
})

test('a currency is accepted in any case, and shown in lower case', async () => {
  for (const currency of ['eur', 'EUR', 'Usd', 'jpy']) {
    const { status, body } = await provider.charge(newPayment(), { currency })
    expect([status, body.currency]).toEqual([200, currency.toLowerCase()])
  }
})

test.each(['xyz', 'eu', 'euro', '', 'e√r', 'eur ', 'XXX', 'XTS', 'XAU', 'ﬁm'])(
  'currency %j is not in ISO 4217, and is refused',
  async currency => {
    const { status, body } = await provider.charge(newPayment(), { currency })
    expect(status).toBe(400)
    expect(body.error.param).toBe('currency')
  },
)

/** Stripe documents these rules at https://docs.stripe.com/currencies. */
test.each([
  ['eur', '1', 'amount_too_small'],
  ['eur', '49', 'amount_too_small'],
  ['EUR', '49', 'amount_too_small'],
  ['gbp', '29', 'amount_too_small'],
  ['jpy', '49', 'amount_too_small'],
  ['huf', '17499', 'amount_too_small'],
  ['eur', '100000000', 'amount_too_large'],
  ['eur', '0x64', 'parameter_invalid_integer'],
  ['eur', '1e3', 'parameter_invalid_integer'],
  ['eur', '99.00', 'parameter_invalid_integer'],
  ['eur', '-500', 'parameter_invalid_integer'],
  ['eur', ' 500', 'parameter_invalid_integer'],
  ['kwd', '1235', 'parameter_invalid_integer'],
])('%s %s cannot be charged: %s', async (currency, amount, code) => {
  const { status, body } = await provider.charge(newPayment(), { currency, amount })
  expect(status).toBe(400)
  expect(body.error).toMatchObject({ param: 'amount', code })
})

test.each([
  ['eur', '50'],
  ['gbp', '30'],
  ['jpy', '50'],
  ['huf', '17500'],
  ['kwd', '1230'],
  ['isk', '100'],
])('%s %s is at or near the minimum, and is charged', async (currency, amount) => {
  const { status, body } = await provider.charge(newPayment(), { currency, amount })
  expect([status, body.amount]).toEqual([200, Number(amount)])
})

test('a refund may be below the minimum of a charge', async () => {
  const { body } = await provider.charge(newPayment())
  const refund = await provider.post('/refunds', { payment_intent: body.id, amount: '1' })
  expect(refund.status).toBe(200)
})

/** A quote inside quotes needs a backslash (https://docs.stripe.com/search#search-query-language). */
test.each([
  [`it's "here"`, `metadata['payment_id']:'it\\'s "here"'`],
  [`it's "there"`, `metadata["payment_id"]:"it's \\"there\\""`],
  ['a\\b', `metadata['payment_id']:'a\\\\b'`],
  ['this AND that', `metadata['payment_id']:'this AND that'`],
  ['both', `metadata['payment_id']:'both' metadata['payment_id']:'both'`],
  ['lower', `metadata['payment_id']:'lower' and metadata['payment_id']:'lower'`],
])('the payment %j is found by %s', async (payment, query) => {
  const { body: charged } = await provider.post('/payment_intents', {
    amount: '9900',
    currency: 'eur',
    'metadata[payment_id]': payment,
  })
  const found = await provider.get(`/v1/payment_intents/search?query=${encodeURIComponent(query)}`)
  expect(found.status).toBe(200)
  expect(found.body.data.map(({ id }: { id: string }) => id)).toEqual([charged.id])
})

test('the authorization scheme is accepted in any case, and a wrong key is refused', async () => {
  const get = (authorization: string) =>
    answerOf(fetch(`${provider.url}/v1/payment_intents?limit=1`, { headers: { authorization } }))
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
    expect((await get(`${scheme} ${secretKey}`)).status).toBe(200)
  }
  for (const wrong of [`Bearer ${secretKey}x`, `Bearer${secretKey}`, secretKey, 'Bearer ']) {
    expect((await get(wrong)).status).toBe(401)
  }
})

test.each([
  ['application/json', '{}'],
  ['application/x-www-form-urlencoded; charset=utf-16', 'amount=9900&currency=eur'],
  ['text/plain', 'amount=9900&currency=eur'],
])('a body of %s is refused with 415', async (type, body) => {
  const headers = { authorization: `Bearer ${secretKey}`, 'content-type': type }
  const answer = await answerOf(
    fetch(`${provider.url}/v1/payment_intents`, { method: 'POST', headers, body }),
  )
  expect(answer.status).toBe(415)
})

test.each([
  ['application/json', '{"latencyMs":0,"latencyMs":900}', 400],
  ['application/json', '{"latencyMs":0x10}', 400],
  ['application/json; charset=utf-16', '{"latencyMs":900}', 415],
  ['text/json', '{"latencyMs":900}', 415],
])('settings as %s %s are refused with %i, and nothing changes', async (type, body, status) => {
  const headers = { ...withToken, 'content-type': type }
  const changing = fetch(`${provider.url}/settings`, { method: 'PATCH', headers, body })
  expect((await answerOf(changing)).status).toBe(status)
  expect((await provider.get('/settings')).body.latencyMs).toBe(0)
})

test.each(['application/x-www-form-urlencoded;charset=UTF-8', 'Application/X-WWW-Form-URLencoded'])(
  'a body of %s is read',
  async type => {
    const headers = { authorization: `Bearer ${secretKey}`, 'content-type': type }
    const body = 'amount=9900&currency=eur'
    const answer = await answerOf(
      fetch(`${provider.url}/v1/payment_intents`, { method: 'POST', headers, body }),
    )
    expect(answer.status).toBe(200)
  },
)
