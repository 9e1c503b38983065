import { Problem } from '@nightshift/contracts/problem'
import { as } from '@nightshift/load-tests/harness/test-client'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem } from '@nightshift/load-tests/harness/test-system'
import { Client } from 'pg'
import { Check } from 'typebox/value'
import { expect } from 'vitest'
import { newKey } from '../payment-of.ts'
import { ask, type RawAnswer } from './converse.ts'
import { expectOnlyMeant } from './expect-only-meant.ts'
import { honestCaller } from './honest-caller.ts'

export type RawRequest = {
  method?: string
  target?: string
  /** On top of those that a correct request has; `null` leaves one out. */
  headers?: Readonly<Record<string, string | null>>
  body?: string | Uint8Array
}

/** A payments service that is about to be sent what nobody should send, and what judges it. */
export async function openAttackedPayments(parts: TestParts) {
  const system = await openTestSystem({ parts, run: ['card-provider', 'payments'] })
  const port = Number(new URL(system.urls.payments).port)
  const database = new Client({ connectionString: system.databaseUrl('payments') })
  await database.connect()

  /** Correct in every way but in what is given. */
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

  const send = (request: RawRequest) => ask(port, write(request))
  const pay = (body: object, headers: RawRequest['headers'] = {}) =>
    send({ headers, body: JSON.stringify(body) })

  const { meant, pay: payHonestly, hold: holdHonestly, refund: refundHonestly } = honestCaller(send)

  /** What has to be true after every table: an honest client is served, and nobody else was. */
  async function expectOnlyWhatWasMeant(): Promise<void> {
    await payHonestly()
    await expectOnlyMeant(system, database, meant)
  }

  return {
    ...{ system, port, database, write, send, pay },
    ...{ meant, payHonestly, holdHonestly, refundHonestly, expectOnlyWhatWasMeant },
    [Symbol.asyncDispose]: async () => {
      await database.end()
      await system[Symbol.asyncDispose]()
    },
  }
}

export type AttackedPayments = Awaited<ReturnType<typeof openAttackedPayments>>

/** What every refusal owes its caller, who may be a program. */
export function expectProblem(answer: RawAnswer, status: number, slug: string): void {
  expect([answer.status, answer.json?.type]).toEqual([status, `/problems/${slug}`])
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(answer.json.status).toBe(status)
  expect(Check(Problem, answer.json)).toBe(true)
  const known = Object.keys(Problem.properties)
  expect(Object.keys(answer.json).filter(name => !known.includes(name))).toEqual([])
}
