import { randomUUID } from 'node:crypto'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { confirmLinkIn, openConfirmLink } from '@nightshift/local/seed/confirm-address'
import { signLink } from '@nightshift/runtime/http/signed-link'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Candidates, newAddress, newWord, openCandidates, published } from './candidates.ts'

let candidates: Candidates

beforeAll(async () => {
  candidates = await openCandidates(inject('parts'))
})
afterAll(() => candidates[Symbol.asyncDispose]())

type BodyInit = NonNullable<RequestInit['body']>

const oneClick = new URLSearchParams({ 'List-Unsubscribe': 'One-Click' })

async function post(url: string, body: BodyInit, headers: Record<string, string> = {}) {
  const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'manual' })
  return { status: answer.status, text: await answer.text() }
}

function unsubscribeLinkIn(text: string): string {
  const link = /^https?:\/\/\S+\/v1\/unsubscribe\/\S+$/m.exec(text)?.[0]
  if (link === undefined) throw new Error('the mail has no link to unsubscribe')
  return link
}

/** A confirmed address with an alert, which has got the mail about a first listing. */
async function subscribeAddress() {
  const word = newWord()
  const email = newAddress()
  await candidates.subscribe({ email, text: word })
  await candidates.announce(published({ title: word }))
  const mail = await candidates.untilMail(email)
  return { word, email, link: unsubscribeLinkIn(mail.text) }
}

// There an address was compared before it was normalized: mozilla/blurts-server#1540.
describe('all spellings of an address are one address', () => {
  test('alerts under three spellings make one delivery and one mail', async () => {
    const word = newWord()
    const name = newWord()
    await candidates.subscribe({ email: `${name}@example.org`, text: word })
    await candidates.saveAlert({ email: `${name.toUpperCase()}@example.org`, area: 'europe' })
    await candidates.saveAlert({ email: `${name}@EXAMPLE.ORG`, seniority: 'senior' })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMail(`${name}@example.org`)
    await candidates.untilMatchedSoFar(event)
    const rows = await candidates.inDatabase(
      'SELECT FROM deliveries WHERE listing_id = $1 AND lower(address) LIKE $2',
      [event.data.listingId, `${name}%`],
    )
    expect(rows).toHaveLength(1)
    const mails = await candidates.mailsTo(`${name}@example.org`)
    const about = mails.filter(({ text }) => text.includes(event.data.listingId))
    expect(about.map(({ accepted }) => accepted)).toEqual([1])
  })

  test('the same alert in another spelling is the same alert', async () => {
    const name = newWord()
    const first = await candidates.saveAlert({ email: `${name}@bücher.example`, text: 'Kotlin' })
    const other = await candidates.saveAlert({
      email: `${name.toUpperCase()}@XN--BCHER-KVA.example`,
      text: ' kotlin ',
    })
    expect(other.json.alertId).toBe(first.json.alertId)
  })

  test('forty concurrent requests under two spellings save twenty alerts', async () => {
    const name = newWord()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, number) =>
        candidates.saveWhenThereIsRoom({
          email: number % 2 ? `${name}@example.org` : `${name.toUpperCase()}@Example.Org`,
          text: `word${number}`,
        }),
      ),
    )
    const byStatus = Map.groupBy(answers, ({ status }) => status)
    expect(byStatus.get(201)).toHaveLength(20)
    expect(byStatus.get(422)).toHaveLength(20)
  })

  test('the same alert has one id, even if ten concurrent requests save it', async () => {
    const email = newAddress()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => candidates.saveAlert({ email, text: 'kotlin' })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map(({ json }) => json.alertId)).size).toBe(1)
  })
})

// There a search without a word was accepted: saltcorn/saltcorn#4250.
describe('the text of an alert', () => {
  test.each(['!!!', '. . .', '–', '☕️', '#'])('is refused without a word: %j', async text => {
    const answer = await candidates.saveAlert({ email: newAddress(), text })
    expect(answer.status).toBe(422)
    expect(answer.json).toMatchObject({
      type: '/problems/nothing-searchable',
      errors: [{ pointer: '/text' }],
    })
  })

  test('is refused if it has only spaces', async () => {
    const answer = await candidates.saveAlert({ email: newAddress(), text: '   ' })
    expect([400, 422]).toContain(answer.status)
  })

  test.each([
    ['IT', 'IT Manager', 'A Manager'],
    ['who', 'Who Are You', 'What Are You'],
    ['C#', 'C# Engineer', 'C++ Engineer'],
    ['ärztin', 'ÄRZTIN in Köln', 'Arzt in Köln'],
  ])('%s matches "%s" and not "%s"', async (text, title, otherTitle) => {
    const email = newAddress()
    const company = newWord()
    await candidates.subscribe({ email, text: `${text} ${company}` })
    await candidates.announce(published({ title: otherTitle, company }))
    const event = published({ title, company })
    await candidates.announce(event)
    expect((await candidates.untilMail(email)).subject).toContain(title)
    await candidates.untilMatchedSoFar(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })
})

describe('an alert needs a confirmed address', () => {
  test('an unconfirmed address gets one confirmation mail and no alert', async () => {
    const word = newWord()
    const email = newAddress()
    await Promise.all(
      ['europe', 'africa', 'worldwide'].map(area =>
        candidates.saveAlert({ email, text: word, area }),
      ),
    )
    await candidates.saveAlert({ email: email.toUpperCase(), text: word })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMatchedSoFar(event)
    expect(await candidates.confirmationMailsTo(email)).toHaveLength(1)
    expect(await candidates.allMailsTo(email)).toHaveLength(1)
  })

  test('the confirmation mail contains no text of the alert', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.saveAlert({ email, text: `${word} visit evil example` })
    const [mail] = await eventually('the confirmation mail arrives', async () => {
      const mails = await candidates.confirmationMailsTo(email)
      return mails.length > 0 ? mails : undefined
    })
    expect(`${mail?.subject} ${mail?.text}`).not.toContain(word)
  })

  test('the address is confirmed by the button of the page, not by opening the link', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.saveAlert({ email, text: word })
    const link = await eventually('the confirmation mail arrives', async () =>
      confirmLinkIn((await candidates.confirmationMailsTo(email))[0]?.text ?? ''),
    )
    for (const method of ['GET', 'HEAD']) expect((await fetch(link, { method })).status).toBe(200)
    const first = published({ title: word })
    await candidates.announce(first)
    await candidates.untilMatchedSoFar(first)
    expect(await candidates.mailsTo(email)).toHaveLength(0)
    expect(await openConfirmLink(link)).toBe(200)
    expect(await openConfirmLink(link)).toBe(200)
    await candidates.announce(published({ title: word }))
    await candidates.untilMail(email)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })

  test('the answer to a saved alert is the same with and without confirmation', async () => {
    const email = newAddress()
    const before = await candidates.saveAlert({ email, text: 'kotlin' })
    await candidates.subscribe({ email, text: 'kotlin' })
    const after = await candidates.saveAlert({ email, text: 'kotlin' })
    expect({ status: after.status, json: after.json }).toEqual({
      status: before.status,
      json: before.json,
    })
  })
})

// RFC 8058, https://www.rfc-editor.org/rfc/rfc8058
describe('the link to unsubscribe', () => {
  const boundary = 'example-boundary'
  const multipart = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="List-Unsubscribe"',
    '',
    'One-Click',
    `--${boundary}--`,
    '',
  ].join('\r\n')

  test.each<[string, BodyInit, Record<string, string>]>([
    [
      'as a form',
      'List-Unsubscribe=One-Click',
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    [
      'as a form with a charset, in another case',
      'List-Unsubscribe=One-Click',
      { 'content-type': 'Application/X-WWW-Form-URLEncoded; charset=UTF-8' },
    ],
    ['as multipart', multipart, { 'content-type': `multipart/form-data; boundary=${boundary}` }],
    [
      'as multipart with a quoted boundary',
      multipart,
      { 'content-type': `multipart/form-data; boundary="${boundary}"` },
    ],
    ['with foreign cookies', oneClick, { cookie: 'a=b', origin: 'https://mail.example' }],
  ])('ends all alerts of the address by one request %s', async (_how, body, headers) => {
    const { word, email, link } = await subscribeAddress()
    expect((await post(link, body, headers)).status).toBe(200)
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMatchedSoFar(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
    const alerts = await candidates.inDatabase('SELECT FROM alerts WHERE address = $1', [email])
    expect(alerts).toHaveLength(0)
  })

  test('has no effect when a mail scanner opens it', async () => {
    const { word, email, link } = await subscribeAddress()
    for (const method of ['GET', 'HEAD']) expect((await fetch(link, { method })).status).toBe(200)
    await candidates.announce(published({ title: word }))
    await eventually('a second mail arrives', async () =>
      (await candidates.mailsTo(email)).length === 2 ? true : undefined,
    )
  })

  test('suppresses a mail that waits, with a reason', async () => {
    const { word, email, link } = await subscribeAddress()
    await candidates.setMailbox({ refuseRate: 1 })
    const event = published({ title: word })
    await candidates.announce(event)
    const deliveries = () =>
      candidates.inDatabase<{ status: string; failure: string; refused: boolean }>(
        `SELECT status, failure, attempt > 0 AND copies = 0 AS refused
         FROM deliveries WHERE listing_id = $1 AND address = $2`,
        [event.data.listingId, email],
      )
    await eventually('an attempt was refused', async () =>
      (await deliveries())[0]?.refused ? true : undefined,
    )
    // No attempt may be in progress from here on, because a mail that was taken before may be sent.
    const dueIn = (wait: string) =>
      candidates.inDatabase(
        `WITH mail AS (
           UPDATE deliveries SET next_check_at = now() + $3::interval
           WHERE listing_id = $1 AND address = $2 AND status = 'pending' AND copies = 0
           RETURNING queue_id)
         UPDATE mail_queues SET due_at = least(due_at, now() + $3::interval), wakes = wakes + 1
         WHERE queue_id IN (SELECT queue_id FROM mail) RETURNING queue_id`,
        [event.data.listingId, email, wait],
      )
    await eventually('the mail waits', async () =>
      (await dueIn('1 h')).length === 1 ? true : undefined,
    )
    expect((await post(link, oneClick)).status).toBe(200)
    await candidates.setMailbox({ refuseRate: 0 })
    await dueIn('0 s')
    const [delivery] = await eventually('the mail is ended', async () => {
      const rows = await deliveries()
      return rows[0]?.status === 'pending' ? undefined : rows
    })
    expect(delivery).toMatchObject({
      status: 'suppressed',
      failure: 'the address was unsubscribed',
    })
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })

  test('invalidates the old link to confirm, so later alerts need a new confirmation', async () => {
    const { word, email, link } = await subscribeAddress()
    const [mail] = await candidates.confirmationMailsTo(email)
    const oldLink = confirmLinkIn(mail?.text ?? '') ?? ''
    await post(link, oneClick)
    expect(await openConfirmLink(oldLink)).toBe(404)
    // The last confirmation mail is back-dated, because a test cannot wait for hours.
    await candidates.inDatabase(
      `UPDATE addresses SET confirmation_asked_at = now() - interval '1 day' WHERE address = $1`,
      [email],
    )
    await candidates.saveAlert({ email, text: word })
    const newLink = await eventually('a new confirmation mail arrives', async () => {
      const mails = await candidates.confirmationMailsTo(email)
      return mails.length === 2 ? confirmLinkIn(mails[1]?.text ?? '') : undefined
    })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMatchedSoFar(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
    expect(await openConfirmLink(newLink)).toBe(200)
    await candidates.announce(published({ title: word }))
    await eventually('a second mail arrives', async () =>
      (await candidates.mailsTo(email)).length === 2 ? true : undefined,
    )
  })

  test('leaves no alert, even if alerts are saved at the same moment', async () => {
    const { word, email, link } = await subscribeAddress()
    await Promise.all([
      ...Array.from({ length: 10 }, (_, at) =>
        candidates.saveAlert({ email, text: `${word} w${at}` }),
      ),
      ...Array.from({ length: 5 }, () => post(link, oneClick)),
    ])
    expect((await post(link, oneClick)).status).toBe(200)
    const alerts = await candidates.inDatabase('SELECT FROM alerts WHERE address = $1', [email])
    expect(alerts).toHaveLength(0)
  })
})

describe('the routes of mail links', () => {
  const addressId = randomUUID()
  test.each([
    ['with another secret', (kind: string) => signLink('x'.repeat(40), kind, addressId)],
    ['without a signature', () => addressId],
    [
      'for another purpose',
      (kind: string) =>
        signLink(
          candidates.system.secrets.mailLinkSecret,
          kind === 'confirm' ? 'unsubscribe' : 'confirm',
          addressId,
        ),
    ],
    ['with strange characters', () => `${'%00'.repeat(5)}%2e%2e${'a'.repeat(20)}`],
    ['that is too long', () => 'a'.repeat(400)],
  ])('answer a link %s with 404', async (_what, tokenOf) => {
    for (const [kind, body] of [
      ['confirm', new URLSearchParams({ confirm: 'yes' })],
      ['unsubscribe', oneClick],
    ] as const) {
      const url = `${candidates.system.urls.notifications}/v1/${kind}/${tokenOf(kind)}`
      expect((await post(url, body)).status).toBe(404)
    }
  })

  test('answer a valid link for an unknown address like any other', async () => {
    const token = signLink(candidates.system.secrets.mailLinkSecret, 'unsubscribe', randomUUID())
    const url = `${candidates.system.urls.notifications}/v1/unsubscribe/${token}`
    expect((await post(url, oneClick)).status).toBe(200)
  })

  test.each<[string, BodyInit | undefined, string | undefined, number]>([
    ['no body', undefined, undefined, 400],
    ['another form', 'List-Unsubscribe=Later', 'application/x-www-form-urlencoded', 400],
    ['an empty form', '', 'application/x-www-form-urlencoded', 400],
    ['JSON', '{"List-Unsubscribe":"One-Click"}', 'application/json', 415],
    ['plain text', 'List-Unsubscribe=One-Click', 'text/plain', 415],
    ['multipart without a boundary', 'x', 'multipart/form-data', 400],
    ['broken multipart', '--x\r\nfoo', 'multipart/form-data; boundary=x', 400],
    ['a form of 9 KiB', 'a='.padEnd(9 * 1024, 'x'), 'application/x-www-form-urlencoded', 413],
  ])('refuse a POST with %s', async (_what, body, type, status) => {
    const token = signLink(candidates.system.secrets.mailLinkSecret, 'unsubscribe', addressId)
    const url = `${candidates.system.urls.notifications}/v1/unsubscribe/${token}`
    const answer = await fetch(url, {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    })
    expect(answer.status).toBe(status)
  })

  test('show a page that is HTML without scripts and is not stored', async () => {
    const token = signLink(candidates.system.secrets.mailLinkSecret, 'unsubscribe', addressId)
    const answer = await call(
      'GET',
      `${candidates.system.urls.notifications}/v1/unsubscribe/${token}`,
    )
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.text).not.toContain(token)
  })
})

test('the log contains no address and no link', async () => {
  const logs = await candidates.system.logs('notifications')
  expect(logs).toContain('"event":"mail.sent"')
  expect(logs).not.toContain('@example.org')
  expect(logs).not.toMatch(/unsubscribe\/[0-9a-f]{8}-|confirm\/[0-9a-f]{8}-/)
})
