import { randomUUID } from 'node:crypto'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { openTestTopic, type TestTopic } from '@nightshift/load-tests/harness/test-topic'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { candidatesOf, newAddress, newWord, published } from './candidate.ts'

let system: TestSystem
let listings: TestTopic
let candidates: ReturnType<typeof candidatesOf>

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['mailbox', 'notifications'] })
  listings = await openTestTopic(system, 'listings.v1')
  candidates = candidatesOf(system, listings)
})
afterAll(async () => {
  await listings[Symbol.asyncDispose]()
  await system[Symbol.asyncDispose]()
})
afterEach(() => candidates.setMailbox({ refuseRate: 0 }))

describe('one mail per candidate and listing', () => {
  test('two alerts of one candidate that both match are one mail', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.subscribe({ email, text: word, area: 'europe' })
    const event = published({ title: `Engineer ${word}` })
    await candidates.announce(event)
    const mail = await candidates.untilMail(email)
    expect(mail.subject).toBe(`Engineer ${word} at Acme Logistics`)
    expect(mail.text).toContain('80000 to 100000 EUR a year')
    await candidates.everythingBeforeIsApplied(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })

  test('an event that comes twice is one mail, accepted once', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMail(email)
    await candidates.announce(event)
    await candidates.everythingBeforeIsApplied(event)
    const mails = await candidates.mailsTo(email)
    expect(mails).toHaveLength(1)
    expect(mails[0]?.accepted).toBe(1)
  })

  test('two events of different ids about one listing are one mail too', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.announce({ ...event, eventId: randomUUID() } as typeof event)
    await candidates.untilMail(email)
    await candidates.everythingBeforeIsApplied(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
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
      await candidates.subscribe({ email, text: word, ...wish })
    }
    const told = async () => {
      const names: string[] = []
      for (const [name, email] of addresses) {
        if ((await candidates.mailsTo(email)).length > 0) names.push(name)
      }
      return names.sort()
    }
    const first = published({ title: word, area: 'africa', seniority: 'lead' })
    await candidates.announce(first)
    await candidates.untilMail(addresses.get('all') ?? '')
    await candidates.everythingBeforeIsApplied(first)
    expect(await told()).toEqual(['all', 'level', 'region', 'salary'])
    const second = published({ title: word, area: 'worldwide', seniority: 'mid' })
    await candidates.announce(second)
    await candidates.untilMail(addresses.get('otherRegion') ?? '')
    await candidates.everythingBeforeIsApplied(second)
    expect(await told()).toEqual(['all', 'level', 'otherRegion', 'region', 'salary'])
  })
})

describe('a mail server with troubles', () => {
  test('one that says "not now" is asked again until it says yes', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.setMailbox({ refuseRate: 1 })
    const event = published({ title: word })
    await candidates.announce(event)
    await eventually('an attempt has been refused', async () => {
      const [row] = await candidates.inDatabase<{ attempt: number }>(
        'SELECT attempt FROM deliveries WHERE listing_id = $1',
        [event.data.listingId],
      )
      return row && row.attempt > 0 ? true : undefined
    })
    expect(await candidates.mailsTo(email)).toHaveLength(0)
    await candidates.setMailbox({ refuseRate: 0 })
    expect((await candidates.untilMail(email)).accepted).toBe(1)
  })

  test('one that is away is waited for', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await system.stop('mailbox')
    await candidates.announce(published({ title: word }))
    await eventually('the mail is intended', async () => {
      const rows = await candidates.inDatabase(
        'SELECT FROM deliveries WHERE listing_id IS NOT NULL AND address = $1',
        [email],
      )
      return rows.length === 1 ? true : undefined
    })
    await system.start('mailbox')
    await system.waitReady('mailbox')
    await candidates.untilMail(email)
  })

  test('a killed service sends what it had intended, and each mail keeps its id', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.setMailbox({ refuseRate: 1 })
    await candidates.announce(published({ title: word }))
    const [intended] = await eventually('the mail is intended', async () => {
      const rows = await candidates.inDatabase<{ delivery_id: string }>(
        'SELECT delivery_id FROM deliveries WHERE listing_id IS NOT NULL AND address = $1',
        [email],
      )
      return rows.length === 1 ? rows : undefined
    })
    await system.signal('notifications', 'SIGKILL')
    await candidates.setMailbox({ refuseRate: 0 })
    await system.waitReady('notifications')
    // The lease of the one that died has to run out; a test need not wait for the clock.
    await candidates.inDatabase(
      `WITH due AS (
         UPDATE deliveries SET next_check_at = now()
         WHERE address = $1 AND status = 'pending' RETURNING queue_id)
       UPDATE mail_queues SET due_at = now(), wakes = wakes + 1
       WHERE queue_id IN (SELECT queue_id FROM due)`,
      [email],
    )
    const mail = await candidates.untilMail(email)
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
    const answer = await candidates.saveAlert(body)
    expect(answer.status).toBe(400)
    expect(answer.json.type).toBe('/problems/validation-error')
  })

  test('the same alert twice is one', async () => {
    const alert = { email: newAddress(), text: 'kotlin' }
    const first = await candidates.saveAlert(alert)
    const second = await candidates.saveAlert(alert)
    expect(second.json.alertId).toBe(first.json.alertId)
  })

  test('text like a query is only text', async () => {
    const email = newAddress()
    expect((await candidates.saveAlert({ email, text: `a & ! b | ' :* (((` })).status).toBe(201)
  })

  test('an address has twenty alerts at most', async () => {
    const email = newAddress()
    for (let number = 0; number < 20; number += 1) {
      expect((await candidates.saveAlert({ email, text: `word${number}` })).status).toBe(201)
    }
    const answer = await candidates.saveAlert({ email, text: 'one too many' })
    expect(answer.status).toBe(422)
    expect(answer.json.type).toBe('/problems/too-many-alerts')
  })
})

test('no log holds an address', async () => {
  const logs = await system.logs('notifications')
  expect(logs).toContain('"event":"mail.sent"')
  expect(logs).not.toContain('@example.org')
})
