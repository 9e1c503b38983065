import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertMayWrite, keepResult } from './keep-result.ts'

const round = { eventsLost: 1 }
const committed = {
  name: 'outbox',
  command: 'npm run bench -- outbox --rounds 3 --seconds 10',
  commit: 'db7abd0a9278c3555b24802fc9e648dbf98b4bf8',
  dirty: false,
  date: '2026-11-28T10:00:00.000Z',
  arms: { naive: { rounds: [round, round, round] } },
}
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightshift-results-'))
  await writeFile(join(dir, 'outbox.json'), JSON.stringify(committed))
})
afterEach(() => rm(dir, { recursive: true }))

const measured = { ...committed, commit: '8c2fe4900000', arms: { naive: { rounds: [round] } } }
const keptNow = async () => JSON.parse(await readFile(join(dir, 'outbox.json'), 'utf8'))

test('only a run with --write replaces a committed result', async () => {
  const message = await keepResult(measured, { write: false, dir })
  expect(message).toContain('outbox.json is as it was')
  expect(message).toContain('--write')
  expect(await keptNow()).toEqual(committed)
})

test('without --write a new result is not written either', async () => {
  const message = await keepResult({ ...measured, name: 'new' }, { write: false, dir })
  expect(message).toContain('--write')
  expect(await readdir(dir)).toEqual(['outbox.json'])
})

test('a run with --write names the file, and the result that it replaced', async () => {
  const message = await keepResult(measured, { write: true, dir })
  expect(message).toContain('outbox.json')
  expect(message).toContain('db7abd0')
  expect(await keptNow()).toEqual(measured)
})

test('a run with --write on a changed tree says that the result cannot be committed', async () => {
  expect(await keepResult({ ...measured, dirty: true }, { write: true, dir })).toContain('dirty')
})

test.each([
  ['fewer rounds', { rounds: 1, seconds: 10, short: false }, /3 rounds.*asks for 1/],
  ['shorter rounds', { rounds: 3, seconds: 5, short: false }, /10 seconds.*asks for 5/],
  ['the short form', { rounds: 5, seconds: 10, short: true }, /--short/],
])('a partial run never replaces a whole one: %s', async (_name, size, why) => {
  await expect(assertMayWrite('outbox', { ...size, dir })).rejects.toThrow(why)
})

test('a run with as many rounds or more may be written, and so may the first one', async () => {
  await assertMayWrite('outbox', { rounds: 3, seconds: 10, short: false, dir })
  await assertMayWrite('outbox', { rounds: 5, short: false, dir })
  await assertMayWrite('new', { rounds: 1, short: false, dir })
})

test('a committed result that cannot be parsed is named, and is not replaced', async () => {
  await writeFile(join(dir, 'outbox.json'), '{')
  const asked = assertMayWrite('outbox', { rounds: 5, short: false, dir })
  await expect(asked).rejects.toThrow('outbox.json')
})
