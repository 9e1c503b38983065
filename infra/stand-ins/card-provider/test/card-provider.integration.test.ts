import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type StandIn, startStandIn } from '../../start-stand-in.ts'
import { waitUntil } from '../../wait-until.ts'

const main = new URL('../src/main.ts', import.meta.url)
const secretKey = 'sk_test_only'
/** Long enough to be sure that no answer comes, short enough for a test. */
const patienceMs = 200

let directory: string
let provider: StandIn
let counter = 0

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'card-provider-'))
  provider = await start()
})

afterAll(async () => {
  await provider.stop()
  await rm(directory, { recursive: true })
})

beforeEach(async () => {
  await turn({
    latencyMs: 0,
    declineRate: 0,
    silence: 'none',
    silenceRate: 1,
    keyWindowSeconds: 60,
  })
})

function start(truthLog = join(directory, 'truth.jsonl')): Promise<StandIn> {
  return startStandIn(main, { SECRET_KEY: secretKey, TRUTH_LOG: truthLog })
}

function unique(): string {
  counter += 1
  return `payment-${counter}`
}

// biome-ignore lint/suspicious/noExplicitAny: each test asserts on the shape of the body it asked for
type Answer = { status: number; headers: Headers; body: any }

async function answerOf(responding: Promise<Response>): Promise<Answer> {
  const response = await responding
  return { status: response.status, headers: response.headers, body: await response.json() }
}

function turn(dials: object, on = provider): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(dials)
  return answerOf(fetch(`${on.url}/dials`, { method: 'PATCH', headers, body }))
}

function charge(
  paymentId: string,
  fields: Record<string, string> = {},
  { key = `key-${paymentId}`, timeoutMs = 5_000, on = provider } = {},
): Promise<Answer> {
  const form = {
    amount: '9900',
    currency: 'eur',
    payment_method: 'pm_card_visa',
    confirm: 'true',
    'metadata[payment_id]': paymentId,
    ...fields,
  }
  const request = fetch(`${on.url}/v1/payment_intents`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secretKey}`,
      ...(key === '' ? {} : { 'idempotency-key': key }),
    },
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(timeoutMs),
  })
  return answerOf(request)
}

/** Charges and expects that no answer comes. */
async function chargeInSilence(paymentId: string, fields: Record<string, string> = {}) {
  const silent = charge(paymentId, fields, { timeoutMs: patienceMs })
  await expect(silent).rejects.toThrow('timeout')
}

function get(path: string, on = provider): Promise<Answer> {
  return answerOf(fetch(`${on.url}${path}`, { headers: { authorization: `Bearer ${secretKey}` } }))
}

/** The types of the lines about a payment, in order. */
async function truthOf(paymentId: string, on = provider): Promise<string[]> {
  const { body } = await get(`/truth?payment_id=${paymentId}`, on)
  return body.lines.map((line: { type: string }) => line.type)
}

describe('charging', () => {
  test('a good card is charged at once, and the charge can be read back', async () => {
    const payment = unique()
    const { status, headers, body } = await charge(payment)
    expect(status).toBe(200)
    expect(headers.get('request-id')).toMatch(/^req_/)
    expect(body).toMatchObject({ status: 'succeeded', amount_received: 9900, currency: 'eur' })
    expect(body.metadata).toEqual({ payment_id: payment })

    expect((await get(`/v1/payment_intents/${body.id}`)).body).toEqual(body)
    const list = await get(`/v1/payment_intents?metadata[payment_id]=${payment}`)
    expect(list.body).toMatchObject({ object: 'list', data: [body], has_more: false })
  })

  test('a declined card is a 402 that carries the intent, and nothing was received', async () => {
    const payment = unique()
    const fields = { payment_method: 'pm_card_chargeDeclinedInsufficientFunds' }
    const { status, body } = await charge(payment, fields)
    expect(status).toBe(402)
    expect(body.error).toMatchObject({
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'insufficient_funds',
      payment_intent: { status: 'requires_payment_method', amount_received: 0 },
    })
    expect(await truthOf(payment)).toEqual(['intent.declined'])
  })

  test('the decline dial declines good cards', async () => {
    await turn({ declineRate: 1 })
    const { body } = await charge(unique())
    expect(body.error.decline_code).toBe('generic_decline')
  })

  test.each([
    [{ amount: '12.5' }, 'amount'],
    [{ amount: '0' }, 'amount'],
    [{ amount: '100000000' }, 'amount'],
    [{ currency: 'EURO' }, 'currency'],
    [{ confirm: 'false' }, 'confirm'],
    [{ payment_method: 'pm_card_unheardOf' }, 'payment_method'],
    [{ colour: 'red' }, 'colour'],
    [{ 'metadata[note]': 'x'.repeat(501) }, 'metadata'],
  ])('%o is refused by name, and its key stays free', async (fields, param) => {
    const payment = unique()
    const refused = await charge(payment, fields as Record<string, string>)
    expect(refused.status).toBe(400)
    expect(refused.body.error).toMatchObject({ type: 'invalid_request_error', param })
    expect((await charge(payment)).status).toBe(200)
  })

  test('without the secret key nothing is read or charged', async () => {
    const url = `${provider.url}/v1/payment_intents`
    for (const authorization of ['', 'Bearer sk_wrong', secretKey]) {
      const { status, body } = await answerOf(
        fetch(url, { method: 'POST', headers: { authorization } }),
      )
      expect(status).toBe(401)
      expect(body.error.type).toBe('invalid_request_error')
    }
  })

  test('a body above the limit is refused', async () => {
    const { status } = await charge(unique(), { 'metadata[note]': 'x'.repeat(17 * 1024) })
    expect(status).toBe(413)
  })
})

describe('idempotency keys', () => {
  test('the same request again gets the same answer, and the card is charged a single time', async () => {
    for (const payment_method of ['pm_card_visa', 'pm_card_chargeDeclined']) {
      const payment = unique()
      const first = await charge(payment, { payment_method })
      const again = await charge(payment, { payment_method })
      expect(again.status).toBe(first.status)
      expect(again.body).toEqual(first.body)
      expect(first.headers.get('idempotent-replayed')).toBeNull()
      expect(again.headers.get('idempotent-replayed')).toBe('true')
      expect(await truthOf(payment)).toHaveLength(1)
    }
  })

  test('a key used for another request is refused', async () => {
    const payment = unique()
    await charge(payment)
    const { status, body } = await charge(payment, { amount: '9901' })
    expect(status).toBe(400)
    expect(body.error.type).toBe('idempotency_error')
    expect(await truthOf(payment)).toEqual(['intent.succeeded'])
  })

  test('while the first request runs, the key is in use', async () => {
    await turn({ latencyMs: 200 })
    const payment = unique()
    const answers = await Promise.all([charge(payment), charge(payment), charge(payment)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
    const refused = answers.find(({ status }) => status === 409)
    expect(refused?.body.error.code).toBe('idempotency_key_in_use')
    expect(await truthOf(payment)).toEqual(['intent.succeeded'])
  })

  test('two hundred at once on one key are charged a single time', async () => {
    const payment = unique()
    const answers = await Promise.all(Array.from({ length: 200 }, () => charge(payment)))
    const ids = new Set(answers.flatMap(({ status, body }) => (status === 200 ? [body.id] : [])))
    expect(ids.size).toBe(1)
    expect(await truthOf(payment)).toEqual(['intent.succeeded'])
  })

  test('without a key every request is a new charge', async () => {
    const payment = unique()
    await charge(payment, {}, { key: '' })
    await charge(payment, {}, { key: '' })
    expect(await truthOf(payment)).toEqual(['intent.succeeded', 'intent.succeeded'])
  })

  test('after its window a key is worth nothing, and the card is charged again', async () => {
    const truthLog = join(directory, 'old.jsonl')
    const payment = unique()
    const twoMinutesAgo = new Date(Date.now() - 120_000).toISOString()
    const line = {
      ...{ at: twoMinutesAgo, seq: 1, type: 'intent.succeeded', amount: 9900, currency: 'eur' },
      ...{
        metadata: { payment_id: payment },
        idempotencyKey: `key-${payment}`,
        requestId: 'req_1',
      },
      ...{ paymentMethod: 'visa', intentId: 'pi_1', fingerprint: 'of another request' },
    }
    await appendFile(truthLog, `${JSON.stringify(line)}\n`)
    const old = await start(truthLog)
    expect((await charge(payment, {}, { on: old })).body.error.type).toBe('idempotency_error')
    await turn({ keyWindowSeconds: 60 }, old)
    expect((await charge(payment, {}, { on: old })).status).toBe(200)
    expect(await truthOf(payment, old)).toEqual(['intent.succeeded', 'intent.succeeded'])
    await old.stop()
  })
})

describe('silence', () => {
  test('a reply can be lost after the charge: the retry learns what happened', async () => {
    await turn({ silence: 'after' })
    const payment = unique()
    await chargeInSilence(payment)
    await chargeInSilence(payment)
    await turn({ silence: 'none' })
    const { status, headers } = await charge(payment)
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, 'true'])

    const { body } = await get(`/truth?payment_id=${payment}`)
    expect(body.lines).toMatchObject([
      { type: 'intent.succeeded', amount: 9900 },
      { type: 'reply.withheld', replayed: false, cause: 'dial' },
      { type: 'reply.withheld', replayed: true, cause: 'dial' },
    ])
    expect(body.lines[1].intentId).toBe(body.lines[0].intentId)
  })

  test('a request can be lost before the charge: its key stays free, even for another request', async () => {
    await turn({ silence: 'before' })
    const payment = unique()
    await chargeInSilence(payment)
    await turn({ silence: 'none' })
    const { status, headers } = await charge(payment, { amount: '5' })
    expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    expect(await truthOf(payment)).toEqual(['request.dropped', 'intent.succeeded'])
  })
})

describe.concurrent('cards with a will of their own', () => {
  test('pm_card_silentAfter charges and says so from the second request on', async () => {
    const payment = unique()
    const fields = { payment_method: 'pm_card_silentAfter' }
    await chargeInSilence(payment, fields)
    expect((await charge(payment, fields)).headers.get('idempotent-replayed')).toBe('true')
    expect(await truthOf(payment)).toEqual(['intent.succeeded', 'reply.withheld'])
  })

  test('pm_card_silentBefore loses the first request under a key and charges the second', async () => {
    const payment = unique()
    const fields = { payment_method: 'pm_card_silentBefore' }
    await chargeInSilence(payment, fields)
    expect((await charge(payment, fields)).status).toBe(200)
    expect(await truthOf(payment)).toEqual(['request.dropped', 'intent.succeeded'])
  })

  test('a client that leaves a slow charge is charged all the same', async () => {
    const payment = unique()
    await chargeInSilence(payment, { payment_method: 'pm_card_slow' })
    expect(await truthOf(payment)).toEqual([])
    await waitUntil('the charge is made', async () => {
      return (await truthOf(payment)).includes('intent.succeeded')
    })
  })
})

describe('dials', () => {
  test.each([
    [{ latncyMs: 5 }, 'latncyMs'],
    [{ latencyMs: -1 }, 'latencyMs'],
    [{ latencyMs: '5' }, 'latencyMs'],
    [{ declineRate: 1.1 }, 'declineRate'],
    [{ silence: 'sometimes' }, 'silence'],
    [{ silenceRate: null }, 'silenceRate'],
    [{ keyWindowSeconds: 0 }, 'keyWindowSeconds'],
  ])('%o is refused by name and changes nothing', async (dials, name) => {
    const before = await get('/dials')
    const { status, body } = await turn({ ...dials, seed: 99 })
    expect(status).toBe(400)
    expect(body.error.param).toBe(name)
    expect(body.error.message).toContain(name)
    expect((await get('/dials')).body).toEqual(before.body)
  })

  test('the same seed declines the same charges', async () => {
    async function tenCharges(): Promise<number[]> {
      await turn({ seed: 7, declineRate: 0.5 })
      const statuses: number[] = []
      for (let n = 0; n < 10; n++) statuses.push((await charge(unique())).status)
      return statuses
    }
    const first = await tenCharges()
    expect(first).toEqual(expect.arrayContaining([200, 402]))
    expect(await tenCharges()).toEqual(first)
  })
})

describe('the truth log', () => {
  test('is read in pages that join without a gap', async () => {
    await Promise.all(Array.from({ length: 25 }, () => charge(unique())))
    const seqs: number[] = []
    let page = { nextAfter: 0, hasMore: true }
    while (page.hasMore) {
      const { body } = await get(`/truth?after=${page.nextAfter}&limit=7`)
      expect(body.lines.length).toBeLessThanOrEqual(7)
      seqs.push(...body.lines.map((line: { seq: number }) => line.seq))
      page = body
    }
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })

  test('cannot be written or removed from outside, and never holds what was typed as a card', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await fetch(`${provider.url}/truth`, { method })).status).toBe(404)
    }
    await charge(unique())
    expect(await readFile(join(directory, 'truth.jsonl'), 'utf8')).not.toContain('pm_card')
    expect(provider.output()).not.toContain('pm_card')
  })

  test('is all that survives kill -9: charges and keys are as they were, the dials at rest', async () => {
    const truthLog = join(directory, 'killed.jsonl')
    const before = await start(truthLog)
    const [paid, silent] = [unique(), unique()]
    const first = await charge(paid, {}, { on: before })
    const fields = { payment_method: 'pm_card_silentBefore' }
    const lost = charge(silent, fields, { on: before, timeoutMs: patienceMs })
    await expect(lost).rejects.toThrow('timeout')
    await turn({ silence: 'before' }, before)
    await before.kill()
    await appendFile(truthLog, '{"at":"2026-01-01T00:00:00.000Z","seq":4,"type":"intent.succ')

    const after = await start(truthLog)
    const again = await charge(paid, {}, { on: after })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.body).toEqual(first.body)
    expect((await charge(paid, { amount: '1' }, { on: after })).status).toBe(400)
    expect((await get(`/v1/payment_intents/${first.body.id}`, after)).body).toEqual(first.body)
    expect((await charge(silent, fields, { on: after })).status).toBe(200)
    expect(await truthOf(silent, after)).toEqual(['request.dropped', 'intent.succeeded'])

    expect(await after.stop()).toBe(0)
    const text = (await readFile(truthLog, 'utf8')).trimEnd()
    const lines = text.split('\n').map(line => JSON.parse(line))
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    expect(lines[3]).toMatchObject({ type: 'dials.changed', cause: 'restart' })
    expect(lines[3].dials.silence).toBe('none')
  })

  test('that was damaged in the middle stops the start', async () => {
    const truthLog = join(directory, 'damaged.jsonl')
    await appendFile(truthLog, '{"seq":1,"type":\n{"seq":2}\n')
    await expect(start(truthLog)).rejects.toThrow('line 1 is not JSON')
  })
})

test('SIGTERM ends it although a silent caller and a slow charge are waiting', async () => {
  const stopping = await start(join(directory, 'stopping.jsonl'))
  const options = { on: stopping, timeoutMs: 10_000 }
  const payment = unique()
  const slow = charge(unique(), { payment_method: 'pm_card_slow' }, options)
  const silent = charge(payment, { payment_method: 'pm_card_silentAfter' }, options)
  const both = Promise.allSettled([silent, slow])
  await waitUntil('the silence', async () => (await truthOf(payment, stopping)).length === 2)
  expect(await stopping.stop()).toBe(0)
  const [lost, given] = await both
  expect(lost.status).toBe('rejected')
  expect(given).toMatchObject({ value: { status: 503 } })
})
