import { randomUUID } from 'node:crypto'
import { call, eventually } from '@nightshift/local/testing/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/local/testing/test-system'
import { openTestTopic, type TestTopic } from '@nightshift/local/testing/test-topic'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'

let system: TestSystem
let listings: TestTopic

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['mailbox', 'notifications'] })
  listings = await openTestTopic(system, 'listings.v1')
})
afterAll(async () => {
  await listings[Symbol.asyncDispose]()
  await system[Symbol.asyncDispose]()
})
afterEach(() => dialMailbox({ refuseRate: 0 }))

const newWord = () => `w${randomUUID().replaceAll('-', '')}`
const newAddress = () => `${newWord()}@example.org`

async function dialMailbox(dials: object) {
  const answer = await call('PATCH', `${system.urls.mailbox}/dials`, { body: dials })
  expect(answer.status).toBe(200)
}

function saveAlert(body: object) {
  return call('POST', `${system.urls.notifications}/v1/alerts`, { body })
}

function published(data: object = {}) {
  const listingId = randomUUID()
  return {
    eventId: randomUUID(),
    type: 'listing.published',
    version: 1,
    occurredAt: new Date().toISOString(),
    tenantId: randomUUID(),
    aggregateId: listingId,
    aggregateVersion: 3,
    data: {
      listingId,
      publicationId: randomUUID(),
      paymentId: randomUUID(),
      title: 'Site Reliability Engineer',
      company: 'Acme Logistics',
      description: 'Own the on-call that nobody dreads.',
      area: 'europe',
      seniority: 'senior',
      salaryMinEurPerYear: 80_000,
      salaryMaxEurPerYear: 100_000,
      ...data,
    },
  }
}

function announce(event: { aggregateId: string }) {
  return listings.write(event.aggregateId, JSON.stringify(event))
}

type Mail = { subject: string; text: string; messageId: string; accepted: number }

async function mailsTo(address: string): Promise<Mail[]> {
  const url = `${system.urls.mailbox}/mails?to=${encodeURIComponent(address)}`
  return (await call('GET', url)).json.mails
}

function untilMail(address: string) {
  return eventually('the mail', async () => (await mailsTo(address))[0])
}

async function inDatabase<T extends pg.QueryResultRow>(sql: string, values: unknown[]) {
  const client = new pg.Client({ connectionString: system.databaseUrl('notifications') })
  await client.connect()
  try {
    return (await client.query<T>(sql, values)).rows
  } finally {
    await client.end()
  }
}

/**
 * Returns when what was announced before under this Kafka key has been applied: records of one key
 * keep their order, so a mail about a later one proves it.
 */
async function everythingBeforeIsApplied({ aggregateId }: { aggregateId: string }) {
  const word = newWord()
  const email = newAddress()
  await saveAlert({ email, text: word })
  await listings.write(aggregateId, JSON.stringify(published({ title: word })))
  await untilMail(email)
}

describe('one mail per candidate and listing', () => {
  test('two alerts of one candidate that both match are one mail', async () => {
    const word = newWord()
    const email = newAddress()
    await saveAlert({ email, text: word })
    await saveAlert({ email, text: word, area: 'europe' })
    const event = published({ title: `Engineer ${word}` })
    await announce(event)
    const mail = await untilMail(email)
    expect(mail.subject).toBe(`Engineer ${word} at Acme Logistics`)
    expect(mail.text).toContain('80000 to 100000 EUR a year')
    await everythingBeforeIsApplied(event)
    expect(await mailsTo(email)).toHaveLength(1)
  })

  test('an event that comes twice is one mail, accepted once', async () => {
    const word = newWord()
    const email = newAddress()
    await saveAlert({ email, text: word })
    const event = published({ title: word })
    await announce(event)
    await untilMail(email)
    await announce(event)
    await everythingBeforeIsApplied(event)
    const mails = await mailsTo(email)
    expect(mails).toHaveLength(1)
    expect(mails[0]?.accepted).toBe(1)
  })

  test('two events of different ids about one listing are one mail too', async () => {
    const word = newWord()
    const email = newAddress()
    await saveAlert({ email, text: word })
    const event = published({ title: word })
    await announce(event)
    await announce({ ...event, eventId: randomUUID() } as typeof event)
    await untilMail(email)
    await everythingBeforeIsApplied(event)
    expect(await mailsTo(email)).toHaveLength(1)
  })
})

describe('whom a listing concerns', () => {
  test('each wish of an alert must be met, and a worldwide job is for every region', async () => {
    const word = newWord()
    const wishes = {
      all: {},
      region: { area: 'africa' },
      otherRegion: { area: 'europe' },
      level: { seniority: 'lead' },
      otherLevel: { seniority: 'junior' },
      salary: { salaryAtLeastEurPerYear: 100_000 },
      moreSalary: { salaryAtLeastEurPerYear: 100_001 },
    }
    const addresses = new Map<string, string>()
    for (const [name, wish] of Object.entries(wishes)) {
      const email = newAddress()
      addresses.set(name, email)
      expect((await saveAlert({ email, text: word, ...wish })).status).toBe(201)
    }
    const told = async () => {
      const names: string[] = []
      for (const [name, email] of addresses) {
        if ((await mailsTo(email)).length > 0) names.push(name)
      }
      return names.sort()
    }
    const first = published({ title: word, area: 'africa', seniority: 'lead' })
    await announce(first)
    await untilMail(addresses.get('all') ?? '')
    await everythingBeforeIsApplied(first)
    expect(await told()).toEqual(['all', 'level', 'region', 'salary'])
    const second = published({ title: word, area: 'worldwide', seniority: 'mid' })
    await announce(second)
    await untilMail(addresses.get('otherRegion') ?? '')
    await everythingBeforeIsApplied(second)
    expect(await told()).toEqual(['all', 'level', 'otherRegion', 'region', 'salary'])
  })
})

describe('a mail server with troubles', () => {
  test('one that says "not now" is asked again until it says yes', async () => {
    await dialMailbox({ refuseRate: 1 })
    const word = newWord()
    const email = newAddress()
    await saveAlert({ email, text: word })
    const event = published({ title: word })
    await announce(event)
    await eventually('an attempt has been refused', async () => {
      const [row] = await inDatabase<{ attempts: number }>(
        'SELECT attempts FROM deliveries WHERE listing_id = $1',
        [event.data.listingId],
      )
      return row && row.attempts > 0 ? true : undefined
    })
    expect(await mailsTo(email)).toHaveLength(0)
    await dialMailbox({ refuseRate: 0 })
    expect((await untilMail(email)).accepted).toBe(1)
  })

  test('one that is away is waited for', async () => {
    await system.stop('mailbox')
    const word = newWord()
    const email = newAddress()
    await saveAlert({ email, text: word })
    await announce(published({ title: word }))
    await eventually('the mail is intended', async () => {
      const rows = await inDatabase('SELECT FROM deliveries WHERE email = $1', [email])
      return rows.length === 1 ? true : undefined
    })
    await system.start('mailbox')
    await system.waitReady('mailbox')
    await untilMail(email)
  })

  test('a killed service sends what it had intended, and each mail keeps its id', async () => {
    await dialMailbox({ refuseRate: 1 })
    const word = newWord()
    const email = newAddress()
    await saveAlert({ email, text: word })
    await announce(published({ title: word }))
    const [intended] = await eventually('the mail is intended', async () => {
      const rows = await inDatabase<{ delivery_id: string }>(
        'SELECT delivery_id FROM deliveries WHERE email = $1',
        [email],
      )
      return rows.length === 1 ? rows : undefined
    })
    await system.signal('notifications', 'SIGKILL')
    await dialMailbox({ refuseRate: 0 })
    await system.waitReady('notifications')
    // The lease of the one that died has to run out; a test need not wait for the clock.
    await inDatabase(
      `UPDATE deliveries SET next_attempt_at = now() WHERE email = $1 AND status = 'pending'`,
      [email],
    )
    const mail = await untilMail(email)
    expect(mail.messageId).toContain(intended?.delivery_id)
  })
})

describe('what a candidate may say', () => {
  test.each([
    ['no address', {}],
    ['no address at all', { email: 'nobody' }],
    ['two addresses', { email: 'a@example.org, b@example.org' }],
    ['a header of its own', { email: 'a@example.org\r\nBcc: b@example.org' }],
    ['a display name', { email: 'A <a@example.org>' }],
    ['no top-level domain', { email: 'a@localhost' }],
    ['a line break in the text', { email: newAddress(), text: 'a\nb' }],
    ['a NUL', { email: newAddress(), text: 'a\u0000' }],
    ['an unknown wish', { email: newAddress(), colour: 'red' }],
    ['an unknown region', { email: newAddress(), area: 'mars' }],
    ['a salary as text', { email: newAddress(), salaryAtLeastEurPerYear: '100000' }],
  ])('%s is 400', async (_what, body) => {
    const answer = await saveAlert(body)
    expect(answer.status).toBe(400)
    expect(answer.json.type).toBe('/problems/validation-error')
  })

  test('the same alert twice is one', async () => {
    const alert = { email: newAddress(), text: 'kotlin' }
    const first = await saveAlert(alert)
    const second = await saveAlert(alert)
    expect(second.json.alertId).toBe(first.json.alertId)
  })

  test('text like a query is only text', async () => {
    const email = newAddress()
    expect((await saveAlert({ email, text: `a & ! b | ' :* (((` })).status).toBe(201)
  })

  test('an address has twenty alerts at most', async () => {
    const email = newAddress()
    for (let number = 0; number < 20; number += 1) {
      expect((await saveAlert({ email, text: `word${number}` })).status).toBe(201)
    }
    const answer = await saveAlert({ email, text: 'one too many' })
    expect(answer.status).toBe(422)
    expect(answer.json.type).toBe('/problems/too-many-alerts')
  })
})

test('no log holds an address', async () => {
  const logs = await system.logs('notifications')
  expect(logs).toContain('"event":"mail.sent"')
  expect(logs).not.toContain('@example.org')
})
