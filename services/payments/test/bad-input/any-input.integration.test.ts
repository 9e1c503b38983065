import { Problem } from '@nightshift/contracts/problem'
import { chargesFor, eventually } from '@nightshift/load-tests/harness/test-client'
import { environmentOf } from '@nightshift/local/machine'
import fc from 'fast-check'
import { Check } from 'typebox/value'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import {
  type AttackedPayments,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'
import type { RawAnswer } from './raw-http.ts'

const timeBoxMs = 20_000
/** A failed run prints these. Repeat it by `BAD_INPUT_SEED=7 BAD_INPUT_PATH=3:0:1 npm test ...` */
const { BAD_INPUT_SEED: seed, BAD_INPUT_PATH: path } = environmentOf({})

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

/** Any text that fits in one header line: all bytes but NUL and the two that end a line. */
const headerText = fc
  .string({ unit: fc.integer({ min: 1, max: 255 }).map(byte => String.fromCharCode(byte)) })
  .filter(text => !/[\r\n]/.test(text))
/** UTF-16 code units, with halves of surrogate pairs among them. */
const utf16 = fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit))
const key = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('first', 'second').map(name => ({ name })) },
  { weight: 1, arbitrary: headerText },
  { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z0-9_.:-]{14,66}$/) },
  { weight: 1, arbitrary: fc.constant(null) },
)
const contentType = fc.oneof(
  { weight: 8, arbitrary: fc.constant('application/json') },
  { weight: 1, arbitrary: headerText },
  { weight: 1, arbitrary: headerText.map(tail => `application/json${tail}`) },
  { weight: 1, arbitrary: fc.constantFrom(null, 'text/plain', 'application/json; charset=utf-8') },
)
const fields = Object.keys(paymentOf())
/** Many bodies have no changes: only correct payments charge cards. */
const body = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ changes: {} }) },
  {
    weight: 2,
    arbitrary: fc
      .dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), fc.jsonValue(), { maxKeys: 3 })
      .map(changes => ({ changes })),
  },
  { weight: 2, arbitrary: fc.json({ maxDepth: 6 }).map(text => ({ text })) },
  {
    weight: 1,
    arbitrary: fc.string({ unit: utf16 }).map(text => ({ changes: { cardToken: text } })),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map(bytes => ({ bytes })) },
)
const requests = fc.array(
  fc.record({ tenant: fc.constantFrom('acme', 'northwind'), key, contentType, body }),
  { minLength: 1, maxLength: 6 },
)

test(
  'any input gets a 2xx or a problem, and each key with a 201 was charged once',
  async () => {
    let sent = 0
    const statuses = new Map<number, number>()
    const property = fc.asyncProperty(requests, fc.boolean(), async (batch, atOnce) => {
      const run = crypto.randomUUID()
      const payment = paymentOf()
      const send = async (one: (typeof batch)[number]) => {
        const ownKey =
          one.key !== null && typeof one.key === 'object' ? `${one.key.name}-${run}` : one.key
        const request = {
          headers: {
            authorization: `Bearer ${attacked.system.apiKeys[one.tenant as 'acme' | 'northwind']}`,
            'idempotency-key': ownKey,
            'content-type': one.contentType,
          },
          body: bytesOf(one.body, payment),
        }
        const answer = await attacked.send(request)
        sent += 1
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        expectDocumentedForm(answer)
        const owner = `${one.tenant} ${ownKey?.trim()}`
        return { owner, answer: answer.status === 202 ? await untilFinal(request) : answer }
      }
      const answers: Awaited<ReturnType<typeof send>>[] = []
      if (atOnce) answers.push(...(await Promise.all(batch.map(send))))
      else for (const one of batch) answers.push(await send(one))
      const captured = answers.filter(({ answer }) => answer.status === 201)
      const charges = await chargesFor(attacked.system, payment.publicationId)
      expect(charges).toHaveLength(new Set(captured.map(({ owner }) => owner)).size)
    })
    const chosenSeed = seed === undefined ? Date.now() % 2 ** 31 : Number(seed)
    await fc.assert(property, {
      seed: chosenSeed,
      ...(path !== undefined && { path }),
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: timeBoxMs,
      markInterruptAsFailure: false,
    })
    const counts = [...statuses].sort(([a], [b]) => a - b).map(pair => pair.join(': '))
    console.log(`BAD_INPUT_SEED=${chosenSeed}: ${sent} requests (${counts.join(', ')})`)
    expect(statuses.get(201)).toBeGreaterThan(0)
  },
  timeBoxMs + 40_000,
)

/** A slow machine may leave a payment open. It must be settled before its charges are counted. */
function untilFinal(request: RawRequest): Promise<RawAnswer> {
  return eventually('the payment is final', async () => {
    const answer = await attacked.send(request)
    return [202, 409].includes(answer.status) ? undefined : answer
  })
}

type Body = { changes: object } | { text: string } | { bytes: Uint8Array }

/** All payments of a run are for the same publication, so that their charges can be counted. */
function bytesOf(generated: Body, payment: object): string | Uint8Array {
  if ('bytes' in generated) return generated.bytes
  if ('text' in generated) return generated.text
  return JSON.stringify({ ...payment, ...generated.changes })
}

function expectDocumentedForm({ status, headers, json }: RawAnswer): void {
  if (status === 201 || status === 202) {
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    return
  }
  expect(status).toBeGreaterThanOrEqual(400)
  expect(status).toBeLessThan(500)
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(Check(Problem, json)).toBe(true)
  expect([json.status, json.type]).toEqual([status, expect.stringMatching(/^\/problems\/[a-z-]+$/)])
}
