import { randomUUID } from 'node:crypto'
import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { openTestTopic, type TestTopic } from '@nightshift/load-tests/harness/test-topic'
import { confirmLinkIn, openConfirmLink } from '@nightshift/local/seed/confirm-address'
import { signLink } from '@nightshift/runtime/http/signed-link'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
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

/** An address with an alert for a word of its own, and the mail about a first listing. */
async function subscribed() {
  const word = newWord()
  const email = newAddress()
  await candidates.subscribe({ email, text: word })
  await candidates.announce(published({ title: word }))
  const mail = await candidates.untilMail(email)
  return { word, email, link: unsubscribeLinkIn(mail.text) }
}

// mozilla/blurts-server#1540: an address was compared before it was normalised.
describe('one mailbox is one address, however it is written', () => {
  test('alerts of three spellings are one delivery and one mail', async () => {
    const word = newWord()
    const name = newWord()
    await candidates.subscribe({ email: `${name}@example.org`, text: word })
    await candidates.saveAlert({ email: `${name.toUpperCase()}@example.org`, area: 'europe' })
    await candidates.saveAlert({ email: `${name}@EXAMPLE.ORG`, seniority: 'senior' })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.untilMail(`${name}@example.org`)
    await candidates.everythingBeforeIsApplied(event)
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

  test('a bound of twenty holds for all spellings together, and for forty at once', async () => {
    const name = newWord()
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, number) =>
        candidates.saveAlert({
          email: number % 2 ? `${name}@example.org` : `${name.toUpperCase()}@Example.Org`,
          text: `word${number}`,
        }),
      ),
    )
    const byStatus = Map.groupBy(answers, ({ status }) => status)
    expect(byStatus.get(201)).toHaveLength(20)
    expect(byStatus.get(422)).toHaveLength(20)
  })

  test('the same alert saved by ten requests at once has one id', async () => {
    const email = newAddress()
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => candidates.saveAlert({ email, text: 'kotlin' })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
    expect(new Set(answers.map(({ json }) => json.alertId)).size).toBe(1)
  })
})

// saltcorn/saltcorn#4250: a request was accepted that can mean nothing.
describe('a text that no listing could contain is refused', () => {
  test.each(['!!!', '. . .', '–', '☕️', '#'])('%j is 422 and says where', async text => {
    const answer = await candidates.saveAlert({ email: newAddress(), text })
    expect(answer.status).toBe(422)
    expect(answer.json).toMatchObject({
      type: '/problems/nothing-searchable',
      errors: [{ pointer: '/text' }],
    })
  })

  test('three blanks are refused', async () => {
    const answer = await candidates.saveAlert({ email: newAddress(), text: '   ' })
    expect([400, 422]).toContain(answer.status)
  })

  test.each([
    ['IT', 'IT Manager', 'A Manager'],
    ['who', 'Who Are You', 'What Are You'],
    ['C#', 'C# Engineer', 'C++ Engineer'],
    ['ärztin', 'ÄRZTIN in Köln', 'Arzt in Köln'],
  ])('%s is told of "%s" and not of "%s"', async (text, title, otherTitle) => {
    const email = newAddress()
    const company = newWord()
    await candidates.subscribe({ email, text: `${text} ${company}` })
    await candidates.announce(published({ title: otherTitle, company }))
    const event = published({ title, company })
    await candidates.announce(event)
    expect((await candidates.untilMail(email)).subject).toContain(title)
    await candidates.everythingBeforeIsApplied(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })
})

describe('an alert counts once its address was confirmed', () => {
  test('an address that was not confirmed is sent one request, and no alert', async () => {
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
    await candidates.everythingBeforeIsApplied(event)
    expect(await candidates.requestsToConfirm(email)).toHaveLength(1)
    expect(await candidates.allMailsTo(email)).toHaveLength(1)
  })

  test('the request says nothing that was typed with the alert', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.saveAlert({ email, text: `${word} visit evil example` })
    const [mail] = await eventually('the request', async () => {
      const mails = await candidates.requestsToConfirm(email)
      return mails.length > 0 ? mails : undefined
    })
    expect(`${mail?.subject} ${mail?.text}`).not.toContain(word)
  })

  test('opening the link confirms nothing, and pressing its button does', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.saveAlert({ email, text: word })
    const link = await eventually('the link', async () =>
      confirmLinkIn((await candidates.requestsToConfirm(email))[0]?.text ?? ''),
    )
    for (const method of ['GET', 'HEAD']) expect((await fetch(link, { method })).status).toBe(200)
    const first = published({ title: word })
    await candidates.announce(first)
    await candidates.everythingBeforeIsApplied(first)
    expect(await candidates.mailsTo(email)).toHaveLength(0)
    expect(await openConfirmLink(link)).toBe(200)
    expect(await openConfirmLink(link)).toBe(200)
    await candidates.announce(published({ title: word }))
    await candidates.untilMail(email)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
  })

  test('the answer to a saved alert does not tell whether the address is confirmed', async () => {
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
describe('every mail can be ended', () => {
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
    ['with the cookies of others', oneClick, { cookie: 'a=b', origin: 'https://mail.example' }],
  ])('one request ends all alerts of the address, %s', async (_how, body, headers) => {
    const { word, email, link } = await subscribed()
    expect((await post(link, body, headers)).status).toBe(200)
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.everythingBeforeIsApplied(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
    const alerts = await candidates.inDatabase('SELECT FROM alerts WHERE address = $1', [email])
    expect(alerts).toHaveLength(0)
  })

  test('a mail scanner that opens the link ends nothing', async () => {
    const { word, email, link } = await subscribed()
    for (const method of ['GET', 'HEAD']) expect((await fetch(link, { method })).status).toBe(200)
    await candidates.announce(published({ title: word }))
    await eventually('a second mail', async () =>
      (await candidates.mailsTo(email)).length === 2 ? true : undefined,
    )
  })

  test('a mail that waits when its address is unsubscribed is suppressed, with a reason', async () => {
    const { word, email, link } = await subscribed()
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
    // From here on no attempt is in progress: one that was claimed before the unsubscribe may be sent.
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
    await eventually('it waits', async () => ((await dueIn('1 h')).length === 1 ? true : undefined))
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

  test('alerts after an unsubscribe need a new confirmation, and an old link is none', async () => {
    const { word, email, link } = await subscribed()
    const [request] = await candidates.requestsToConfirm(email)
    const oldLink = confirmLinkIn(request?.text ?? '') ?? ''
    await post(link, oneClick)
    expect(await openConfirmLink(oldLink)).toBe(404)
    // The last request is not long ago; a test need not wait for the clock.
    await candidates.inDatabase(
      `UPDATE addresses SET confirmation_asked_at = now() - interval '1 day' WHERE address = $1`,
      [email],
    )
    await candidates.saveAlert({ email, text: word })
    const newLink = await eventually('a new request', async () => {
      const requests = await candidates.requestsToConfirm(email)
      return requests.length === 2 ? confirmLinkIn(requests[1]?.text ?? '') : undefined
    })
    const event = published({ title: word })
    await candidates.announce(event)
    await candidates.everythingBeforeIsApplied(event)
    expect(await candidates.mailsTo(email)).toHaveLength(1)
    expect(await openConfirmLink(newLink)).toBe(200)
    await candidates.announce(published({ title: word }))
    await eventually('a mail again', async () =>
      (await candidates.mailsTo(email)).length === 2 ? true : undefined,
    )
  })

  test('unsubscribing while alerts are saved leaves no mail after the last unsubscribe', async () => {
    const { word, email, link } = await subscribed()
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

describe('a link that we did not make', () => {
  const claim = randomUUID()
  test.each([
    ['of another secret', (kind: string) => signLink('x'.repeat(40), kind, claim)],
    ['without a signature', () => claim],
    [
      'of another purpose',
      (kind: string) =>
        signLink(
          system.secrets.mailLinkSecret,
          kind === 'confirm' ? 'unsubscribe' : 'confirm',
          claim,
        ),
    ],
    ['with strange characters', () => `${'%00'.repeat(5)}%2e%2e${'a'.repeat(20)}`],
    ['too long', () => 'a'.repeat(400)],
  ])('%s is 404, for either page', async (_what, tokenOf) => {
    for (const [kind, body] of [
      ['confirm', new URLSearchParams({ confirm: 'yes' })],
      ['unsubscribe', oneClick],
    ] as const) {
      const url = `${system.urls.notifications}/v1/${kind}/${tokenOf(kind)}`
      expect((await post(url, body)).status).toBe(404)
    }
  })

  test('an address without a row is unsubscribed like any other', async () => {
    const token = signLink(system.secrets.mailLinkSecret, 'unsubscribe', randomUUID())
    const url = `${system.urls.notifications}/v1/unsubscribe/${token}`
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
  ])('%s ends nothing', async (_what, body, type, status) => {
    const token = signLink(system.secrets.mailLinkSecret, 'unsubscribe', claim)
    const url = `${system.urls.notifications}/v1/unsubscribe/${token}`
    const answer = await fetch(url, {
      method: 'POST',
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    })
    expect(answer.status).toBe(status)
  })

  test('the page is a page: HTML, no script, not to be stored', async () => {
    const token = signLink(system.secrets.mailLinkSecret, 'unsubscribe', claim)
    const answer = await call('GET', `${system.urls.notifications}/v1/unsubscribe/${token}`)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.text).not.toContain(token)
  })
})

test('no log holds an address or a link', async () => {
  const logs = await system.logs('notifications')
  expect(logs).toContain('"event":"mail.sent"')
  expect(logs).not.toContain('@example.org')
  expect(logs).not.toMatch(/unsubscribe\/[0-9a-f]{8}-|confirm\/[0-9a-f]{8}-/)
})
