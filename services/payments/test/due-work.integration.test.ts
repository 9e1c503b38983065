import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { postponeCheck, takeDuePayment } from '../src/store/payments.ts'
import { claimOne, newWish, openPhaseDatabase, type PhaseDatabase } from './phase-database.ts'

let database: PhaseDatabase

beforeAll(async () => {
  database = await openPhaseDatabase(inject('parts'))
})
afterAll(() => database[Symbol.asyncDispose]())

async function makeDue(count: number): Promise<string[]> {
  const { pool } = database
  const made = await Promise.all(Array.from({ length: count }, () => claimOne(pool, newWish())))
  const ids = made.map(({ paymentId }) => paymentId)
  await pool.query('UPDATE payments SET next_check_at = now() WHERE payment_id = ANY($1)', [ids])
  return ids
}

describe('due work', () => {
  test('is taken by one worker, however many instances look for it at once', async () => {
    const { pool } = database
    const ids = await makeDue(30)
    const taken: string[] = []
    const worker = async () => {
      for (;;) {
        const due = await takeDuePayment(pool, 60_000)
        if (!due) return
        taken.push(due.payment.paymentId)
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    expect(taken.toSorted()).toEqual(ids.toSorted())
  })

  test('is due again when its lease has ended, with a higher number for the next owner', async () => {
    const { pool } = database
    await makeDue(1)
    const first = await takeDuePayment(pool, 0)
    const second = await takeDuePayment(pool, 60_000)
    expect(second?.payment.attempt).toBe((first?.payment.attempt ?? 0) + 1)
    const next = { baseMs: 1, capMs: 1, retryAfterMs: 0 }
    if (!first || !second) throw new Error('nothing was due')
    expect(await postponeCheck(pool, first.payment, next)).toBe(false)
    expect(await postponeCheck(pool, second.payment, next)).toBe(true)
  })

  test('waits for as long as the provider asked, and not shorter', async () => {
    const { pool } = database
    await makeDue(1)
    const due = await takeDuePayment(pool, 60_000)
    if (!due) throw new Error('nothing was due')
    await postponeCheck(pool, due.payment, { baseMs: 1, capMs: 1, retryAfterMs: 20_000 })
    const { rows } = await pool.query(
      `SELECT (extract(epoch FROM next_check_at - clock_timestamp()) * 1000)::float8 AS wait
       FROM payments WHERE payment_id = $1`,
      [due.payment.paymentId],
    )
    expect(rows[0].wait).toBeGreaterThan(18_000)
  })
})
