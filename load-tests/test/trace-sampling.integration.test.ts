import { randomBytes, randomUUID } from 'node:crypto'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { as, call, draftListing, eventually, saveAlert } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import { openTestTopic } from '../harness/test-topic.ts'

/** No journey is traced unless its first request says so. */
const none = { OTEL_TRACES_SAMPLER_ARG: '0' }
let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({
    parts: inject('parts'),
    run: ['trace-sink', 'card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
    env: { payments: none, listings: none, notifications: none },
  })
  await saveAlert(system)
})
afterAll(() => system[Symbol.asyncDispose]())

const newTraceId = () => randomBytes(16).toString('hex')
/** The traces whose callers keep them. */
const kept = new Set<string>()
function newKeptTrace(): { traceId: string; traceparent: string } {
  const traceId = newTraceId()
  kept.add(traceId)
  return { traceId, traceparent: parentOf(traceId, '01') }
}
const parentOf = (traceId: string, flags: '00' | '01') =>
  `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`

async function publish(headers: Record<string, string>): Promise<string> {
  const { listings } = system.urls
  const employer = { ...as(system, 'acme', newTraceId()), ...headers }
  const draft = await call('POST', `${listings}/v1/listings`, {
    headers: as(system, 'acme'),
    body: draftListing(),
  })
  const { listingId } = draft.json
  const body = { plan: 'basic', cardToken: 'pm_card_visa' }
  const url = `${listings}/v1/listings/${listingId}/publish`
  const answer = await call('POST', url, { headers: employer, body })
  expect(answer.status).toBe(201)
  return listingId
}

const mailAbout = (listingId: string) =>
  eventually('the mail is there', async () => {
    const { json } = await call('GET', `${system.urls.mailbox}/mails?limit=200`)
    const mails: { text: string }[] = json.mails
    return mails.find(({ text }) => text.includes(listingId))
  })

async function linkedTo(traceId: string): Promise<LinkedTraces['traces']> {
  const answer = await call('GET', `${system.urls.traceSink}/traces/${traceId}`)
  return answer.status === 200 ? (answer.json as LinkedTraces).traces : []
}

/** Pays for a publication that listings does not know: its event cannot be applied there. */
async function payForNothing(headers: Record<string, string>): Promise<void> {
  const body = {
    publicationId: randomUUID(),
    listingId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
  const url = `${system.urls.payments}/v1/payments`
  const payer = { ...as(system, 'acme', newTraceId()), ...headers }
  const answer = await call('POST', url, { headers: payer, body })
  expect(answer.status).toBe(201)
}

/** The trace of the caller and all that are linked to it, as soon as one of them has such a span. */
const tracesWith = (traceId: string, name: string) =>
  eventually(`a span ${name} is there`, async () => {
    const found = await linkedTo(traceId)
    return found.flat().some(span => span.name === name) ? found.flat() : undefined
  })

describe('an event that is not applied at once', () => {
  test('is linked to its cause up to its dead letter, and the log says in which trace that is', async () => {
    const { traceId, traceparent } = newKeptTrace()
    await payForNothing({ traceparent })
    const spans = await tracesWith(traceId, 'publish listings.dead-letters.v1')
    const published = spans.find(({ name }) => name === 'publish payments.v1')
    const letter = spans.find(({ name }) => name === 'publish listings.dead-letters.v1')
    expect(published?.traceId).toBe(traceId)
    const cause = { traceId, spanId: published?.spanId }
    expect(spans.find(({ name }) => name === 'process payment.captured')?.links).toEqual([cause])
    expect(letter?.links).toEqual([cause])

    const logged = (await system.logs('listings')).split('\n')
    const line = logged.find(each => each.includes(`"traceId":"${letter?.traceId}"`)) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({ event: 'event.dead_lettered' })
    // The letter leads to its trace, too.
    await using letters = await openTestTopic(system, 'listings.dead-letters.v1')
    const record = await eventually('the letter is there', async () =>
      (await letters.read()).find(({ traceparent }) => traceparent !== undefined),
    )
    expect(record.traceparent).toBe(`00-${letter?.traceId}-${letter?.spanId}-01`)
  })

  test('is linked to its cause at each try, and the last one goes on to the mail', async () => {
    const { traceId, traceparent } = newKeptTrace()
    const database = new pg.Client({ connectionString: system.databaseUrl('listings') })
    await database.connect()
    try {
      await database.query('BEGIN')
      await database.query('LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE')
      const listingId = await publish({ traceparent })
      await eventually('the event was tried in vain', async () =>
        (await system.logs('listings')).includes('"event":"event.retried"') ? true : undefined,
      )
      await database.query('ROLLBACK')
      await mailAbout(listingId)
    } finally {
      await database.end()
    }
    const spans = await tracesWith(traceId, 'send mail')
    const published = spans.find(({ name }) => name === 'publish payments.v1')
    const tries = spans.filter(({ name }) => name === 'process payment.captured')
    expect(tries.length).toBeGreaterThan(1)
    expect(tries.filter(({ failed }) => !failed)).toHaveLength(1)
    for (const { links } of tries) expect(links).toEqual([{ traceId, spanId: published?.spanId }])
  })
})

describe('with a share of 0', () => {
  test('a journey whose caller keeps its trace is traced whole, from the request to the mail', async () => {
    const { traceId, traceparent } = newKeptTrace()
    const listingId = await publish({ traceparent })
    await mailAbout(listingId)
    const traces = await eventually('the last span is there', async () => {
      const found = await linkedTo(traceId)
      return found.flat().some(({ name }) => name === 'send mail') ? found : undefined
    })
    expect(traces).toHaveLength(3)
    const spanOf = (name: string) => traces.flat().find(span => span.name === name)
    // Each trace behind Kafka links to the span that published its event, and has a trace of its own.
    for (const [cause, effect] of [
      ['publish payments.v1', 'process payment.captured'],
      ['publish listings.v1', 'process listing.published'],
    ] as const) {
      const { traceId: causeTrace, spanId } = spanOf(cause) ?? {}
      expect(spanOf(effect)?.links).toEqual([{ traceId: causeTrace, spanId }])
      expect(spanOf(effect)?.traceId).not.toBe(causeTrace)
    }
    // An exemplar leads from the histogram to the trace, and to no trace that was not kept.
    const { text } = await call('GET', `${system.urls.listingsOperations}/metrics`)
    const exemplars = [...text.matchAll(/ # \{trace_id="([0-9a-f]{32})"\}/g)].map(([, id]) => id)
    expect(exemplars).toContain(traceId)
    expect(exemplars.filter(id => id !== undefined && !kept.has(id))).toEqual([])
    expect(spanOf('publish payments.v1')?.attributes).toHaveProperty('nightshift.outbox.wait_ms')
  })

  test.each([
    ['that does not keep its trace', () => ({ traceparent: parentOf(newTraceId(), '00') })],
    ['without a trace', () => ({})],
    ['with a malformed traceparent', () => ({ traceparent: `00-${'0'.repeat(32)}-x-01` })],
  ] as const)('a journey of a caller %s leaves no span', async (_caller, headers) => {
    const { json: before } = await call('GET', `${system.urls.traceSink}/health`)
    const listingId = await publish(headers())
    await mailAbout(listingId)
    // A journey that is kept comes after it, so what was exported before would be there, too.
    const { traceId, traceparent } = newKeptTrace()
    const marked = await publish({ traceparent })
    await mailAbout(marked)
    await eventually('the later journey is there', async () => {
      const found = await linkedTo(traceId)
      return found.flat().some(({ name }) => name === 'send mail') ? true : undefined
    })
    const { json: after } = await call('GET', `${system.urls.traceSink}/health`)
    expect(after.traces - before.traces).toBe(3)
  })
})
