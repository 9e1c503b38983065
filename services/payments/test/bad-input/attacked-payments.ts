import { randomUUID } from 'node:crypto'
import { Problem } from '@nightshift/contracts/problem'
import { as, call, type TruthLine } from '@nightshift/local/testing/test-client'
import type { TestParts } from '@nightshift/local/testing/test-parts'
import { openTestSystem } from '@nightshift/local/testing/test-system'
import { type LogEvent, logEvents } from '@nightshift/runtime/log-events'
import { Client } from 'pg'
import { Check } from 'typebox/value'
import { expect } from 'vitest'
import { ask, type RawAnswer } from './converse.ts'

export type RawRequest = {
  method?: string
  target?: string
  /** On top of those that a correct request has; `null` leaves one out. */
  headers?: Readonly<Record<string, string | null>>
  body?: string | Uint8Array
}

export const newKey = () => `test-${randomUUID()}`

export function paymentOf(changes: object = {}) {
  return {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
    ...changes,
  }
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

  const meant: string[] = []
  /** Takes a payment that has to work, and counts on its charge from now on. */
  async function payHonestly(
    body = paymentOf(),
    headers: RawRequest['headers'] = {},
  ): Promise<RawAnswer> {
    const answer = await pay(body, headers)
    expect([answer.status, answer.json?.status]).toEqual([201, 'captured'])
    meant.push(body.publicationId)
    return answer
  }

  /**
   * What has to be true after every table: an honest client is served; no card was charged but for
   * what was meant, and once for that; no other payment was even begun; nothing that was sent was
   * more than we could take, or forged a line of our log.
   */
  async function expectOnlyWhatWasMeant(): Promise<void> {
    await payHonestly()
    expect(await chargedPublications(system.urls.cardProvider)).toEqual(meant.toSorted())
    const { rows } = await database.query('SELECT publication_id FROM payments')
    expect(rows.map(row => row.publication_id).sort()).toEqual(meant.toSorted())
    const log = (await system.logs('payments')).trimEnd().split('\n')
    const lines = log.map(line => JSON.parse(line))
    expect(lines.filter(({ level, status }) => level === 'error' || status >= 500)).toEqual([])
    expect(lines.filter(({ event }) => !logEvents.includes(event as LogEvent))).toEqual([])
  }

  return {
    ...{ system, port, database, write, send, pay, meant, payHonestly, expectOnlyWhatWasMeant },
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

/** What the cards were charged for, says the provider's own log, as often as they were. */
async function chargedPublications(providerUrl: string): Promise<string[]> {
  const lines: TruthLine[] = []
  let page = { hasMore: true, nextAfter: 0 }
  while (page.hasMore) {
    const { json } = await call('GET', `${providerUrl}/truth?limit=1000&after=${page.nextAfter}`)
    page = json
    lines.push(...json.lines)
  }
  const charges = lines.filter(({ type }) => type === 'intent.succeeded')
  return charges.map(({ metadata }) => String(metadata['publication_id'])).sort()
}
