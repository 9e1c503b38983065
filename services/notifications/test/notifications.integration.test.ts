import { randomUUID } from 'node:crypto'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Candidates, newAddress, newWord, openCandidates, published } from './candidates.ts'

let candidates: Candidates

beforeAll(async () => {
  candidates = await openCandidates(inject('parts'))
})
afterAll(() => candidates[Symbol.asyncDispose]())
afterEach(() => candidates.setMailbox({ refuseRate: 0 }))

describe('one mail per candidate and listing', () => {
  test('two matching alerts of one candidate make one mail', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.subscribe({ email, text: word, area: 'europe' })
    const event = published({ title: `Engineer ${word}` })
    await candidates.announce(event)
    const mail = await candidates.untilMail(email)
    expect(mail.subject).toBe(`Engineer ${word} at Acme Logistics`)
    expect(mail.text).toContain('80000 to 100000 EUR a year')
    await candidates.untilMatchedSoFar(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })

  test('an event that is delivered twice makes one mail, which is accepted once', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMail(email)
    await candidates.announce(event)
    await candidates.untilMatchedSoFar(event)
    const mails = await candidates.mailsTo(email)
    expect(mails).toHaveLength(1)
    expect(mails[0]?.accepted).toBe(1)
  })

  test('two events with different ids about one listing make one mail', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.announce({ ...event, eventId: randomUUID() } as typeof event)
    await candidates.untilMail(email)
    await candidates.untilMatchedSoFar(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })
})

describe('an alert', () => {
  test('matches if every filter does, and worldwide listings match every region', async () => {
    const word = newWord()
    const filters = {
      all: {},
      region: { area: 'africa' },
      otherRegion: { area: 'europe' },
      level: { seniority: 'lead' },
      otherLevel: { seniority: 'junior' },
      salary: { salaryAtLeastEurPerYear: 100_000 },
      moreSalary: { salaryAtLeastEurPerYear: 100_001 },
    }
    const addresses = new Map<string, string>()
    for (const [name, filter] of Object.entries(filters)) {
      const email = newAddress()
      addresses.set(name, email)
      await candidates.subscribe({ email, text: word, ...filter })
    }
    const recipients = async () => {
      const names: string[] = []
      for (const [name, email] of addresses) {
        if ((await candidates.mailsTo(email)).length > 0) names.push(name)
      }
      return names.sort()
    }
    const first = published({ title: word, area: 'africa', seniority: 'lead' })
    await candidates.announce(first)
    await candidates.untilMail(addresses.get('all') ?? '')
    await candidates.untilMatchedSoFar(first)
    expect(await recipients()).toEqual(['all', 'level', 'region', 'salary'])
    const second = published({ title: word, area: 'worldwide', seniority: 'mid' })
    await candidates.announce(second)
    await candidates.untilMail(addresses.get('otherRegion') ?? '')
    await candidates.untilMatchedSoFar(second)
    expect(await recipients()).toEqual(['all', 'level', 'otherRegion', 'region', 'salary'])
  })
})

describe('a mail is sent', () => {
  test('after the mail server has refused it temporarily', async () => {
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

  test('after the mail server was down', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.system.stop('mailbox')
    await candidates.announce(published({ title: word }))
    await eventually('the delivery is committed', async () => {
      const rows = await candidates.inDatabase(
        'SELECT FROM deliveries WHERE listing_id IS NOT NULL AND address = $1',
        [email],
      )
      return rows.length === 1 ? true : undefined
    })
    await candidates.system.start('mailbox')
    await candidates.system.waitReady('mailbox')
    await candidates.untilMail(email)
  })

  test('with the same id after the service was killed', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.setMailbox({ refuseRate: 1 })
    await candidates.announce(published({ title: word }))
    const [delivery] = await eventually('the delivery is committed', async () => {
      const rows = await candidates.inDatabase<{ delivery_id: string }>(
        'SELECT delivery_id FROM deliveries WHERE listing_id IS NOT NULL AND address = $1',
        [email],
      )
      return rows.length === 1 ? rows : undefined
    })
    await candidates.system.signal('notifications', 'SIGKILL')
    await candidates.setMailbox({ refuseRate: 0 })
    await candidates.system.waitReady('notifications')
    // The lease of the killed sender is ended, because a test cannot wait for it.
    await candidates.inDatabase(
      `WITH due AS (
         UPDATE deliveries SET next_check_at = now()
         WHERE address = $1 AND status = 'pending' RETURNING queue_id)
       UPDATE mail_queues SET due_at = now(), wakes = wakes + 1
       WHERE queue_id IN (SELECT queue_id FROM due)`,
      [email],
    )
    const mail = await candidates.untilMail(email)
    expect(mail.messageId).toContain(delivery?.delivery_id)
  })
})

describe('saving an alert', () => {
  test.each([
    ['no address', {}],
    ['a word instead of an address', { email: 'somewhere' }],
    ['two addresses', { email: 'a@example.org, b@example.org' }],
    ['an injected header', { email: 'a@example.org\r\nBcc: b@example.org' }],
    ['a display name', { email: 'A <a@example.org>' }],
    ['no top-level domain', { email: 'a@localhost' }],
    ['a line break in the text', { email: newAddress(), text: 'a\nb' }],
    ['a NUL in the text', { email: newAddress(), text: 'a\u0000' }],
    ['an unknown filter', { email: newAddress(), colour: 'red' }],
    ['an unknown region', { email: newAddress(), area: 'mars' }],
    ['a salary as text', { email: newAddress(), salaryAtLeastEurPerYear: '100000' }],
  ])('with %s is refused', async (_what, body) => {
    const answer = await candidates.saveAlert(body)
    expect(answer.status).toBe(400)
    expect(answer.json.type).toBe('/problems/validation-error')
  })

  test('again has no effect', async () => {
    const alert = { email: newAddress(), text: 'kotlin' }
    const first = await candidates.saveAlert(alert)
    const second = await candidates.saveAlert(alert)
    expect(second.json.alertId).toBe(first.json.alertId)
  })

  test('with the text of a query takes it for plain text', async () => {
    const email = newAddress()
    expect((await candidates.saveAlert({ email, text: `a & ! b | ' :* (((` })).status).toBe(201)
  })

  test('is refused from the twenty-first alert of an address on', async () => {
    const email = newAddress()
    for (let number = 0; number < 20; number += 1) {
      expect((await candidates.saveAlert({ email, text: `word${number}` })).status).toBe(201)
    }
    const answer = await candidates.saveAlert({ email, text: 'one too many' })
    expect(answer.status).toBe(422)
    expect(answer.json.type).toBe('/problems/too-many-alerts')
  })
})

test('the log contains no address', async () => {
  const logs = await candidates.system.logs('notifications')
  expect(logs).toContain('"event":"mail.sent"')
  expect(logs).not.toContain('@example.org')
})
