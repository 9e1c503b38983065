import { Problem } from '@nightshift/contracts/problem'
import { as } from '@nightshift/load-tests/harness/test-client'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { Client } from 'pg'
import { Check } from 'typebox/value'
import { expect } from 'vitest'
import { newKey } from '../payment-of.ts'
import { expectOnlyIntended } from './expect-only-intended.ts'
import { honestCaller } from './honest-caller.ts'
import { exchangeOne, type RawAnswer } from './raw-http.ts'

export type RawRequest = {
  method?: string
  target?: string
  /** Added to the headers of a correct request. `null` removes a header. */
  headers?: Readonly<Record<string, string | null>>
  body?: string | Uint8Array
}

/**
 * A payments service for tests with bad input, with the means to send it and to check its effects.
 */
export async function openAttackedPayments(parts: TestParts) {
  const system = await openTestSystem({ parts, run: ['card-provider', 'payments'] })
  const port = Number(new URL(system.urls.payments).port)
  const database = new Client({ connectionString: system.databaseUrl('payments') })
  await database.connect()

  /** The bytes of a request that is correct apart from the given parts. */
  function write(request: RawRequest): Buffer {
    const { method = 'POST', target = '/v1/payments', body = '' } = request
    const headers: Record<string, string | null> = {
      host: 'nightshift.test',
      ...as(system, 'acme', newKey()),
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...request.headers,
    }
    const lines = Object.entries(headers).map(([name, value]) =>
      value === null ? '' : `${name}: ${value}\r\n`,
    )
    const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1')
    return Buffer.concat([head, Buffer.from(body as string)])
  }

  const send = (request: RawRequest) => exchangeOne(port, write(request))
  const pay = (body: object, headers: RawRequest['headers'] = {}) =>
    send({ headers, body: JSON.stringify(body) })

  const honest = honestCaller(send)

  /** Checks that an honest caller is still served, and that no other request had an effect. */
  async function expectOnlyIntendedEffects(): Promise<void> {
    await honest.pay()
    await expectOnlyIntended(system, database, honest.intended)
  }

  return {
    system,
    port,
    database,
    write,
    send,
    pay,
    intended: honest.intended,
    payHonestly: honest.pay,
    authorizeHonestly: honest.authorize,
    refundHonestly: honest.refund,
    expectOnlyIntendedEffects,
    [Symbol.asyncDispose]: async () => {
      await database.end()
      await system[Symbol.asyncDispose]()
    },
  }
}

export type AttackedPayments = Awaited<ReturnType<typeof openAttackedPayments>>

/** Checks that an answer is a problem of the documented form. */
export function expectProblem(answer: RawAnswer, status: number, slug: string): void {
  expect([answer.status, answer.json?.type]).toEqual([status, `/problems/${slug}`])
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(answer.json.status).toBe(status)
  expect(Check(Problem, answer.json)).toBe(true)
  const known = Object.keys(Problem.properties)
  expect(Object.keys(answer.json).filter(name => !known.includes(name))).toEqual([])
}
