import { call, eventually } from '@nightshift/load-tests/harness/test-client'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'
import { deliveryStore, type Taken } from '../src/store/deliveries.ts'
import { type Candidates, newAddress, newWord, openCandidates, published } from './candidates.ts'

let candidates: Candidates

beforeAll(async () => {
  candidates = await openCandidates(inject('parts'))
})
afterAll(() => candidates[Symbol.asyncDispose]())
afterEach(() => candidates.setMailbox({ refuseRate: 0, silence: 'none', latencyMs: 0 }))

type Row = { status: string; failure: string | null; attempt: number; copies: number }

function deliveryOf(listingId: string): Promise<Row | undefined> {
  return candidates
    .inDatabase<Row>(
      'SELECT status, failure, attempt, copies FROM deliveries WHERE listing_id = $1',
      [listingId],
    )
    .then(([row]) => row)
}

/** Inserts due mails of one listing to confirmed addresses, without an event. */
async function insertDueMails(count: number): Promise<string> {
  const { data } = published()
  const { listingId } = data
  await candidates.inDatabase(
    'INSERT INTO announcements (listing_id, listing, matched_at) VALUES ($1, $2, now())',
    [listingId, JSON.stringify(data)],
  )
  await candidates.inDatabase(
    `INSERT INTO addresses (address, send_to, confirmed_at)
     SELECT to_send, to_send, now()
     FROM generate_series(1, $2) AS n, concat('n', n, '-', $1::text, '@example.org') AS to_send`,
    [listingId, count],
  )
  await candidates.inDatabase(
    `INSERT INTO deliveries (listing_id, address, consent_version)
     SELECT $1::uuid, address, 1 FROM addresses WHERE address LIKE concat('n%-', $1::text, '@example.org')`,
    [listingId],
  )
  await candidates.inDatabase('INSERT INTO mail_queues (queue_id, due_at) VALUES ($1, now())', [
    listingId,
  ])
  return listingId
}

/** Ends all pending mails, or they would occupy the senders in the next tests. */
function endAllMails(): Promise<unknown> {
  return candidates.inDatabase(
    `UPDATE deliveries SET status = 'failed', failure = 'the test is over', next_check_at = NULL
     WHERE status = 'pending'`,
  )
}

test('a mail that waits shows its age, and its delay counts from when its listing went live', async () => {
  const metric = async (name: string) => {
    const { text } = await call('GET', `${candidates.system.urls.notificationsOperations}/metrics`)
    const [, value] = new RegExp(`^${name}\\{[^}]*kind="alert"[^}]*\\} (.+)$`, 'm').exec(text) ?? []
    const [, gauge] =
      new RegExp(`^${name}\\{service="notifications"\\} (.+)$`, 'm').exec(text) ?? []
    return Number(value ?? gauge ?? 0)
  }
  const email = newAddress()
  const word = newWord()
  await candidates.subscribe({ email, text: word })
  const before = await metric('mail_delay_seconds_sum')
  await candidates.setMailbox({ refuseRate: 1 })
  const wentLiveAgoMs = 90_000
  const occurredAt = new Date(Date.now() - wentLiveAgoMs).toISOString()
  const event = { ...published({ title: word }), occurredAt }
  await candidates.announce(event)
  await eventually('a mail has waited for a second', async () =>
    (await metric('mails_oldest_waiting_seconds')) > 1 ? true : undefined,
  )
  await candidates.setMailbox({ refuseRate: 0 })
  await candidates.untilMail(email)
  await eventually('no mail waits', async () =>
    (await metric('mails_oldest_waiting_seconds')) === 0 ? true : undefined,
  )
  expect((await metric('mail_delay_seconds_sum')) - before).toBeGreaterThan(wentLiveAgoMs / 1000)
})

describe('an attempt whose outcome is unknown', () => {
  test('is repeated with one id until there may be three copies, and then fails with a reason', {
    timeout: 60_000,
  }, async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.setMailbox({ silence: 'after' })
    const event = published({ title: word })
    await candidates.announce(event)
    const row = await eventually(
      'the mail has failed',
      async () => {
        const found = await deliveryOf(event.data.listingId)
        return found?.status === 'failed' ? found : undefined
      },
      50_000,
    )
    expect(row.failure).toMatch(/^unknown: /)
    expect(row).toMatchObject({ attempt: limits.send.copiesMax, copies: limits.send.copiesMax })
    const mails = await candidates.mailsTo(email)
    expect(mails).toHaveLength(1)
    expect(mails[0]?.accepted).toBe(limits.send.copiesMax)
  })

  test('counts as a copy if the process dies, so crashes have the same bound', async () => {
    const listingId = await insertDueMails(1)
    await eventually('the mail is sent', async () =>
      (await deliveryOf(listingId))?.status === 'sent' ? true : undefined,
    )
    // Three senders died during their attempts: the mail was taken, and no outcome was recorded.
    await candidates.inDatabase(
      `UPDATE deliveries SET status = 'pending', sent_at = NULL, next_check_at = now(),
         attempt = 3, copies = 3 WHERE listing_id = $1`,
      [listingId],
    )
    await candidates.inDatabase(
      'UPDATE mail_queues SET due_at = now(), wakes = wakes + 1 WHERE queue_id = $1',
      [listingId],
    )
    const row = await eventually('the mail has failed', async () => {
      const found = await deliveryOf(listingId)
      return found?.status === 'failed' ? found : undefined
    })
    expect(row.failure).toMatch(/^unknown: /)
    const [mail] = await candidates.mailsTo(`n1-${listingId}@example.org`)
    expect(mail?.accepted).toBe(1)
  })

  test('differs from a temporary refusal, which counts as no copy', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.setMailbox({ refuseRate: 1 })
    const event = published({ title: word })
    await candidates.announce(event)
    const row = await eventually('the mail was refused twice', async () => {
      const found = await deliveryOf(event.data.listingId)
      return found && found.attempt >= 2 ? found : undefined
    })
    expect(row.copies).toBeLessThanOrEqual(1)
    await candidates.setMailbox({ refuseRate: 0 })
    expect((await candidates.untilMail(email)).accepted).toBe(1)
  })
})

describe('the owner of a mail', () => {
  test('records nothing after another sender has taken over', async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    await candidates.setMailbox({ latencyMs: 2_000 })
    const event = published({ title: word })
    const { listingId } = event.data
    await candidates.announce(event)
    await eventually('the mail is being sent', async () =>
      (await deliveryOf(listingId))?.attempt === 1 ? true : undefined,
    )
    // Another sender takes the mail over, as after the lease.
    await candidates.inDatabase(
      `UPDATE deliveries SET attempt = 2, next_check_at = now() + interval '1 hour'
       WHERE listing_id = $1`,
      [listingId],
    )
    await eventually('the first attempt has ended', async () =>
      (await candidates.system.logs('notifications')).includes('"mail.superseded"')
        ? true
        : undefined,
    )
    expect(await deliveryOf(listingId)).toMatchObject({ status: 'pending', attempt: 2 })
  })

  test('is only one of many concurrent senders', async () => {
    await candidates.system.stop('notifications')
    const counts = [40, 7, 1]
    for (const count of counts) await insertDueMails(count)
    const pool = new pg.Pool({
      connectionString: candidates.system.databaseUrl('notifications'),
      max: 8,
    })
    const taken: string[] = []
    const store = deliveryStore(pool, limits.send)
    const taker = async () => {
      for (let rests = 0; rests < 20; ) {
        const one: Taken | undefined = await store.take()
        if (one?.is === 'mail') taken.push(one.delivery.deliveryId)
        else rests += 1
      }
    }
    try {
      await Promise.all(Array.from({ length: 8 }, taker))
    } finally {
      await pool.end()
      await endAllMails()
      await candidates.system.start('notifications')
      await candidates.system.waitReady('notifications')
    }
    expect(taken).toHaveLength(48)
    expect(new Set(taken).size).toBe(48)
  })
})

describe('many mails of one listing', () => {
  test('do not delay the one mail of another', { timeout: 60_000 }, async () => {
    const word = newWord()
    const email = newAddress()
    await candidates.subscribe({ email, text: word })
    const crowd = await insertDueMails(10_000)
    await eventually('the crowd is being sent', async () => {
      const [row] = await candidates.inDatabase<{ sent: number }>(
        `SELECT count(*)::int AS sent FROM deliveries WHERE listing_id = $1 AND status = 'sent'`,
        [crowd],
      )
      return (row?.sent ?? 0) > 20 ? true : undefined
    })
    const startedMs = performance.now()
    await candidates.announce(published({ title: word }))
    await candidates.untilMail(email, 20_000)
    const waitedMs = performance.now() - startedMs
    const [left] = await candidates.inDatabase<{ count: number }>(
      `SELECT count(*)::int AS count FROM deliveries WHERE listing_id = $1 AND status = 'pending'`,
      [crowd],
    )
    console.log(`waited ${Math.round(waitedMs)} ms while ${left?.count} mails of another were due`)
    expect(left?.count).toBeGreaterThan(5_000)
    expect(waitedMs).toBeLessThan(5_000)
    await endAllMails()
  })

  test('are taken by an index', async () => {
    await candidates.system.stop('notifications')
    const crowd = await insertDueMails(20_000)
    await candidates.inDatabase('ANALYZE deliveries, mail_queues')
    const planOf = async (sql: string) => {
      const rows = await candidates.inDatabase(`EXPLAIN (ANALYZE, BUFFERS) ${sql}`)
      return rows.map(row => Object.values(row)[0]).join('\n')
    }
    const due = await planOf(
      `SELECT delivery_id FROM deliveries WHERE queue_id = '${crowd}' AND status = 'pending'
         AND next_check_at <= now() ORDER BY next_check_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`,
    )
    expect(due).toContain('Index Scan using deliveries_due')
    const turn = await planOf(
      `SELECT queue_id FROM mail_queues WHERE due_at <= now() ORDER BY turn LIMIT 1`,
    )
    for (const plan of [due, turn]) expect(plan).not.toContain('Seq Scan on deliveries')
    await endAllMails()
    await candidates.system.start('notifications')
    await candidates.system.waitReady('notifications')
  })
})

test('a flood of blocked requests does not delay a mail', async () => {
  const word = newWord()
  const email = newAddress()
  await candidates.subscribe({ email, text: word })
  const victim = newAddress()
  await candidates.saveAlert({ email: victim, text: word })
  const blocker = new pg.Client({
    connectionString: candidates.system.databaseUrl('notifications'),
  })
  await blocker.connect()
  try {
    // Every connection for requests waits for this row until its lock timeout.
    await blocker.query('BEGIN')
    await blocker.query('SELECT FROM addresses WHERE address = $1 FOR UPDATE', [victim])
    const over = new AbortController()
    const crowd = Array.from({ length: 40 }, async () => {
      const answers: number[] = []
      while (!over.signal.aborted) {
        answers.push((await candidates.saveAlert({ email: victim, text: newWord() })).status)
      }
      return answers
    })
    const startedMs = performance.now()
    await candidates.announce(published({ title: word }))
    await candidates.untilMail(email, 10_000)
    const waitedMs = performance.now() - startedMs
    over.abort()
    const answers = (await Promise.all(crowd)).flat()
    console.log(`waited ${Math.round(waitedMs)} ms beside ${answers.length} requests`)
    expect(waitedMs).toBeLessThan(3_000)
    expect(answers.filter(status => status === 503).length).toBeGreaterThan(0)
  } finally {
    await blocker.end()
  }
})

describe('a stop while the mail server is silent', () => {
  test('takes less than 10 s, succeeds, and begins no further mail', {
    timeout: 60_000,
  }, async () => {
    await candidates.setMailbox({ silence: 'after' })
    const listingId = await insertDueMails(40)
    await eventually('mails are being sent', async () => {
      const rows = await candidates.inDatabase(
        'SELECT FROM deliveries WHERE listing_id = $1 AND attempt > 0',
        [listingId],
      )
      return rows.length > 0 ? true : undefined
    })
    const startedMs = performance.now()
    await candidates.system.stop('notifications')
    const tookMs = performance.now() - startedMs
    const logs = await candidates.system.logs('notifications')
    const lastLines = logs.slice(logs.lastIndexOf('"event":"service.stopping"'))
    console.log(`stopped within ${Math.round(tookMs)} ms`)
    expect(tookMs).toBeLessThan(10_000)
    expect(lastLines).toContain('"event":"service.stopped"')
    expect(lastLines).not.toContain('service.crashed')
    const [row] = await candidates.inDatabase<{ begun: number; open: number }>(
      `SELECT count(*) FILTER (WHERE attempt > 0)::int AS begun,
         count(*) FILTER (WHERE status = 'pending')::int AS open
       FROM deliveries WHERE listing_id = $1`,
      [listingId],
    )
    expect(row?.open).toBe(40)
    expect(row?.begun).toBeLessThanOrEqual(limits.send.concurrencyMax)
    await candidates.system.start('notifications')
    await candidates.system.waitReady('notifications')
  })
})
