import { eventually } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Candidates, newAddress, newWord, openCandidates } from './candidates.ts'

let candidates: Candidates

beforeAll(async () => {
  candidates = await openCandidates(inject('parts'))
})
afterAll(() => candidates[Symbol.asyncDispose]())

test('an alert is saved although its address is deleted at that moment', async () => {
  const email = newAddress()
  expect((await candidates.saveAlert({ email, text: newWord() })).status).toBe(201)
  await using job = await candidates.openSession()
  await job.query('BEGIN')
  await job.query('DELETE FROM deliveries WHERE address = $1', [email])
  await job.query('DELETE FROM alerts WHERE address = $1', [email])
  await job.query('DELETE FROM addresses WHERE address = $1', [email])

  const saving = candidates.saveAlert({ email, text: newWord() })
  await eventually('the request waits for the job', async () => {
    const waiting = await candidates.inDatabase(
      `SELECT FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return waiting.length > 0 ? true : undefined
  })
  await job.query('COMMIT')
  expect((await saving).status).toBe(201)
})
