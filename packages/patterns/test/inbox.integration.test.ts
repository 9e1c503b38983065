import { randomUUID } from 'node:crypto'
import { countBlocked } from '@nightshift/load-tests/harness/count-blocked'
import { waitUntil } from '@nightshift/local/wait-until'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { type RememberEvent, rememberEvent } from '../src/inbox/inbox.ts'
import { takeEveryEventForNew } from '../src/inbox/naive.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const patienceMs = 2_000
let database: OwnTables

beforeEach(async () => {
  database = await openOwnTables(inject('parts').postgresUrl, ['inbox'])
  await database.pool.query('CREATE TABLE points (consumer text, event_id uuid)')
})
afterEach(() => database[Symbol.asyncDispose]())

/** The effect of every event here: one point for its consumer. */
async function apply(remember: RememberEvent, consumer: string, eventId: string) {
  return inTransaction(database.pool, async tx => {
    if (!(await remember(tx, consumer, eventId))) return 'duplicate'
    await tx.query('INSERT INTO points VALUES ($1, $2)', [consumer, eventId])
    return 'applied'
  })
}

async function pointsOf(consumer: string, eventId: string): Promise<number> {
  const { rowCount } = await database.pool.query(
    'SELECT FROM points WHERE consumer = $1 AND event_id = $2',
    [consumer, eventId],
  )
  return rowCount ?? 0
}

describe('an event that is delivered twice', () => {
  test('has its effect once', async () => {
    const eventId = randomUUID()
    expect(await apply(rememberEvent, 'scores', eventId)).toBe('applied')
    expect(await apply(rememberEvent, 'scores', eventId)).toBe('duplicate')
    expect(await pointsOf('scores', eventId)).toBe(1)
  })

  test('has its effect twice in the naive version', async () => {
    const eventId = randomUUID()
    for (let delivery = 0; delivery < 2; delivery += 1) {
      expect(await apply(takeEveryEventForNew, 'scores', eventId)).toBe('applied')
    }
    expect(await pointsOf('scores', eventId)).toBe(2)
  })

  test('has its effect once for each consumer', async () => {
    const eventId = randomUUID()
    for (const consumer of ['scores', 'badges', 'scores', 'badges']) {
      await apply(rememberEvent, consumer, eventId)
    }
    expect(await pointsOf('scores', eventId)).toBe(1)
    expect(await pointsOf('badges', eventId)).toBe(1)
  })
})

test('events that several instances apply at the same time have their effect once', async () => {
  const eventIds = Array.from({ length: 20 }, () => randomUUID())
  const instances = [1, 2, 3]
  const results = await Promise.all(
    instances.flatMap(() => eventIds.map(eventId => apply(rememberEvent, 'scores', eventId))),
  )
  expect(results.filter(result => result === 'applied')).toHaveLength(eventIds.length)
  for (const eventId of eventIds) expect(await pointsOf('scores', eventId)).toBe(1)
})

describe('an effect that is rolled back', () => {
  test('leaves nothing remembered, so the next delivery applies the event', async () => {
    const eventId = randomUUID()
    const failing = inTransaction(database.pool, async tx => {
      await rememberEvent(tx, 'scores', eventId)
      throw new Error('the effect failed')
    })
    await expect(failing).rejects.toThrow('the effect failed')
    expect(await apply(rememberEvent, 'scores', eventId)).toBe('applied')
    expect(await pointsOf('scores', eventId)).toBe(1)
  })

  test('hands the event to the instance that waits for it', async () => {
    const eventId = randomUUID()
    const remembered = Promise.withResolvers<void>()
    const fail = Promise.withResolvers<void>()
    const first = inTransaction(database.pool, async tx => {
      await rememberEvent(tx, 'scores', eventId)
      remembered.resolve()
      await fail.promise
      throw new Error('the effect failed')
    })
    await remembered.promise
    let isSecondOver = false
    const second = apply(rememberEvent, 'scores', eventId).finally(() => {
      isSecondOver = true
    })
    expect(await waitUntil(isOneWaiting, patienceMs, 5)).toBe(true)
    expect(isSecondOver).toBe(false)
    fail.resolve()
    await expect(first).rejects.toThrow('the effect failed')
    expect(await second).toBe('applied')
    expect(await pointsOf('scores', eventId)).toBe(1)
  })
})

async function isOneWaiting(): Promise<boolean> {
  return (await countBlocked(database.pool)) === 1
}
