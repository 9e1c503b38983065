import { join } from 'node:path'
import { as, call, draftListing, eventually } from '@nightshift/load-tests/harness/test-client'
import { testControl } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import type { ProcessSpec } from '@nightshift/local/supervisor/process-spec'
import { findParts, startParts } from '@nightshift/local/system/start-parts'
import { statePaths } from '@nightshift/local/system/state'
import { processNames } from '@nightshift/local/system/topology'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import { drawWaterfall } from '@nightshift/observability/waterfall'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type JourneyOptions, type JourneyResult, runJourney } from '../journey.ts'

const everything = { parts: inject('parts'), run: processNames }

function journeyOf(system: TestSystem): JourneyOptions {
  const { listings, notifications, mailbox, cardProvider } = system.urls
  return {
    urls: { listings, notifications, mailbox, cardProvider },
    apiKey: system.apiKeys['acme'] ?? '',
    stepDeadlineMs: 25_000,
  }
}

/** A journey succeeds only with one live listing, one mail and one charge: it counts them itself. */
async function walk(system: TestSystem, times: number): Promise<JourneyResult[]> {
  const journeys: JourneyResult[] = []
  for (let number = 0; number < times; number += 1)
    journeys.push(await runJourney(journeyOf(system)))
  return journeys
}

const failuresOf = (journeys: JourneyResult[]) =>
  journeys.flatMap(journey => journey.steps.map(step => step.failure)).filter(Boolean)

describe('the journey', () => {
  let system: TestSystem
  beforeAll(async () => {
    system = await openTestSystem(everything)
  })
  afterAll(() => system[Symbol.asyncDispose]())

  test('an employer pays, the listing goes live, the candidate is notified, and one charge is made', async () => {
    const [journey] = await walk(system, 1)
    expect(failuresOf(journey ? [journey] : [])).toEqual([])
    expect(journey?.steps).toHaveLength(7)
    expect(journey?.ok).toBe(true)
  })

  test('its linked traces reach from the first request to the mail', async () => {
    const telemetry = await startTelemetry('journey', system.urls.traceSink)
    const [journey] = await walk(system, 1)
    await telemetry[Symbol.asyncDispose]()
    const traceId = journey?.traceId
    expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    const wanted = [
      ['listings', 'POST /v1/listings/:listingId/publish'],
      ['payments', 'POST /v1/payments'],
      ['payments', 'card-provider charge'],
      ['payments', 'publish payments.v1'],
      ['listings', 'process payment.captured'],
      ['listings', 'publish listings.v1'],
      ['notifications', 'process listing.published'],
      ['notifications', 'send mail'],
    ]
    const linked = await eventually('all spans have been exported', async () => {
      const answer = await call('GET', `${system.urls.traceSink}/traces/${traceId}`)
      if (answer.status !== 200) return undefined
      const found = answer.json as LinkedTraces
      const spans = found.traces.flat()
      const isThere = ([service, name]: string[]) =>
        spans.some(span => span.service === service && span.name === name)
      return wanted.every(isThere) ? found : undefined
    })
    expect(linked.traces.length).toBe(3)
    expect(drawWaterfall(linked)).toContain('notifications: send mail')
  })

  test.each(['payments', 'listings', 'notifications', 'card-provider', 'mailbox'] as const)(
    '%s is killed in the middle, and every journey succeeds without help',
    async victim => {
      const walking = walk(system, 5)
      const before = (await system.status(victim)).restarts
      await system.signal(victim, 'SIGKILL')
      const journeys = await walking
      expect(failuresOf(journeys)).toEqual([])
      expect((await system.status(victim)).restarts).toBe(before + 1)
    },
    60_000,
  )

  test('without Redis the search asks the database', async () => {
    const answer = await call('GET', `${system.urls.listings}/v1/listings?limit=1`)
    expect(answer.status).toBe(200)
    const orphan = await openTestSystem({
      ...everything,
      run: ['listings'],
      env: { listings: { REDIS_URL: 'redis://127.0.0.1:1' } },
    })
    try {
      const alone = await call('GET', `${orphan.urls.listings}/v1/listings`)
      expect(alone.status).toBe(200)
      expect(alone.json).toEqual({ listings: [] })
    } finally {
      await orphan[Symbol.asyncDispose]()
    }
  })
})

/** Other tests run meanwhile, so the JVM of the broker may need several times its usual five seconds. */
const brokerStartMs = 60_000

describe('with its own Kafka', () => {
  let system: TestSystem
  const parts = inject('parts')
  const control = testControl(parts)
  const ownKafka = 'own-kafka'

  beforeAll(async () => {
    const [kafka = 0, kafkaController = 0] = await findFreePorts(2)
    const options = {
      toolsDir: statePaths().tools,
      dataDir: join(parts.stateDir, 'data', 'own-kafka'),
      ports: { postgres: 0, redis: 0, kafka, kafkaController },
      secrets: parts.secrets,
      report: () => {},
    }
    const { found } = await findParts(['kafka'], options)
    // Its own name keeps it apart from the broker that all tests share.
    const add = (spec: ProcessSpec) => control.add({ ...spec, name: ownKafka })
    await startParts({ ...control, add }, found, options)
    const ready = async () => ((await isReady()) ? true : undefined)
    await eventually('the broker is ready', ready, brokerStartMs)
    system = await openTestSystem({
      parts: { ...parts, kafkaBrokers: `127.0.0.1:${kafka}` },
      run: processNames,
    })
  }, 90_000)
  afterAll(async () => {
    await system[Symbol.asyncDispose]()
    await control.remove(ownKafka)
  })

  const isReady = async () => {
    const { processes } = await control.status()
    return processes.some(process => process.name === ownKafka && process.state === 'ready')
  }

  test('Kafka is killed in the middle, and every journey succeeds without help', async () => {
    await walk(system, 1)
    const walking = walk(system, 5)
    await control.signal(ownKafka, 'SIGKILL')
    expect(failuresOf(await walking)).toEqual([])
  }, 90_000)

  test('without Kafka employers still pay, and the listing goes live when Kafka is back', async () => {
    await control.stop(ownKafka)
    const headers = as(system, 'acme', `test-kafka-away-${Date.now()}`)
    const body = draftListing({ title: 'Paid while Kafka was away' })
    const draft = await call('POST', `${system.urls.listings}/v1/listings`, { headers, body })
    const path = `${system.urls.listings}/v1/listings/${draft.json.listingId}`
    const paid = await call('POST', `${path}/publish`, {
      headers,
      body: { plan: 'basic', cardToken: 'pm_card_visa' },
    })
    expect(paid.status).toBe(201)
    expect((await call('GET', path, { headers })).json.status).toBe('payment_pending')
    await control.start(ownKafka)
    await eventually(
      'the listing is live',
      async () => {
        const { json } = await call('GET', path, { headers })
        return json.status === 'live' ? true : undefined
      },
      30_000,
    )
  }, 90_000)
})

describe('payments is killed between COMMIT and publish', () => {
  async function publishWhileItDies(outboxSwitch: 'on' | 'naive') {
    const system = await openTestSystem({
      ...everything,
      run: ['card-provider', 'payments', 'listings'],
      env: { payments: { PATTERN_OUTBOX: outboxSwitch, CRASH_AT: 'outbox.committed:1' } },
    })
    const headers = as(system, 'acme', 'test-dies-after-commit')
    const body = draftListing()
    const draft = await call('POST', `${system.urls.listings}/v1/listings`, { headers, body })
    const path = `${system.urls.listings}/v1/listings/${draft.json.listingId}`
    const publish = { body: { plan: 'basic', cardToken: 'pm_card_visa' }, headers }
    const answer = await call('POST', `${path}/publish`, publish)
    expect(answer.status).toBe(202)
    // It comes back for good: the switch stays, the crash does not.
    await eventually('payments has died', async () =>
      (await system.status('payments')).restarts > 0 ? true : undefined,
    )
    await system.stop('payments')
    await system.start('payments', { env: { CRASH_AT: '' } })
    await system.waitReady('payments')
    return { system, path, headers, publish }
  }

  test('with the outbox the event still arrives, and the listing goes live', async () => {
    const { system, path, headers } = await publishWhileItDies('on')
    try {
      await eventually('the listing is live', async () => {
        const { json } = await call('GET', path, { headers })
        return json.status === 'live' ? true : undefined
      })
    } finally {
      await system[Symbol.asyncDispose]()
    }
  })

  test('with the naive version the money is taken, and the listing never goes live', async () => {
    const { system, path, headers, publish } = await publishWhileItDies('naive')
    try {
      const paid = await eventually(
        'listings knows that it was paid',
        async () => {
          const answer = await call('POST', `${path}/publish`, publish)
          return answer.status === 201 ? answer.json : undefined
        },
        25_000,
      )
      expect(paid.payment).toBe('captured')
      // A later publication on the same path arrives, so the event of the first will not any more.
      const others = as(system, 'acme', 'test-after-the-death')
      const body = draftListing()
      const next = await call('POST', `${system.urls.listings}/v1/listings`, {
        headers: others,
        body,
      })
      const nextPath = `${system.urls.listings}/v1/listings/${next.json.listingId}`
      await call('POST', `${nextPath}/publish`, { ...publish, headers: others })
      await eventually('the later one is live', async () => {
        const { json } = await call('GET', nextPath, { headers: others })
        return json.status === 'live' ? true : undefined
      })
      expect((await call('GET', path, { headers })).json.status).toBe('payment_pending')
    } finally {
      await system[Symbol.asyncDispose]()
    }
  })
})
