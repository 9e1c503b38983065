import { waitUntilBlocked } from '@nightshift/load-tests/harness/count-blocked'
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
  await using watcher = await candidates.openSession()
  await waitUntilBlocked(watcher)
  await job.query('COMMIT')
  expect((await saving).status).toBe(201)
})
