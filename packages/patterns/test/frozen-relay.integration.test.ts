import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openTestTopic, type TestTopic } from '@nightshift/load-tests/harness/test-topic'
import { deleteTopics, prepareTopics } from '@nightshift/local/prepare/prepare-topics'
import { waitUntil } from '@nightshift/local/wait-until'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const run = promisify(execFile)
const childFile = fileURLToPath(new URL('./relay-child.ts', import.meta.url))
const topicName = 'payments.v1'
/** A lease is 8 s, and a relay tries to take it 20 times a second; the rest is for a busy machine. */
const takenOverMs = 12_000
/** Shorter than a lease, to show that no relay waited for one to end. */
const noLeaseMs = 5_000
const soonMs = 20_000

let open: AsyncDisposableStack
let database: OwnTables
let topic: TestTopic
let prefix: string
const aggregateId = randomUUID()

beforeEach(async () => {
  open = new AsyncDisposableStack()
  const { postgresUrl, kafkaBrokers } = inject('parts')
  database = open.use(await openOwnTables(postgresUrl, ['outbox']))
  prefix = `relay_${randomBytes(4).toString('hex')}.`
  open.defer(() => deleteTopics(kafkaBrokers, prefix))
  await prepareTopics(kafkaBrokers, prefix)
  topic = open.use(await openTestTopic({ brokers: kafkaBrokers, prefix }, topicName))
})
afterEach(() => open.disposeAsync())

type Relay = { child: ChildProcess; lines: Record<string, unknown>[] }

function startRelay(...freeze: string[]): Relay {
  const args = [childFile, database.url, inject('parts').kafkaBrokers, prefix, ...freeze]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: Record<string, unknown>[] = []
  createInterface(child.stdout).on('line', line => lines.push(JSON.parse(line)))
  open.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const over = once(child, 'exit')
    child.kill('SIGKILL')
    await over
  })
  return { child, lines }
}

/** Writes events of one aggregate, numbered, so that their order can be seen. */
async function stage(from: number, to: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO outbox (event_id, topic, aggregate_id, payload)
     SELECT gen_random_uuid(), $4, $1, n::text FROM generate_series($2::int, $3) AS n`,
    [aggregateId, from, to, topicName],
  )
}

const published = async () => (await topic.read()).map(record => Number(record.value))
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_unused, n) => from + n)

async function untilPublished(last: number): Promise<number> {
  const startedMs = performance.now()
  const isThere = async () => (await published()).includes(last)
  if (await waitUntil(isThere, soonMs, 10)) return performance.now() - startedMs
  throw new Error(`${last} was not published; there was ${await published()}`)
}

async function untilAllAreMarked(): Promise<void> {
  const left = async () => {
    const { rows } = await database.pool.query('SELECT FROM outbox WHERE published_at IS NULL')
    return rows.length
  }
  if (!(await waitUntil(async () => (await left()) === 0, soonMs))) throw new Error('not all')
}

const isFrozen = async ({ child }: Relay) => {
  const { stdout } = await run('ps', ['-o', 'state=', '-p', String(child.pid)])
  return stdout.trim().startsWith('T')
}

const logOf = ({ lines }: Relay) => JSON.stringify(lines.filter(line => line['event'] !== 'age'))

/** The session of a frozen relay keeps its advisory lock, so a lock alone would stop all relays. */
describe('a relay that is frozen while it has the lane', () => {
  test('is replaced, and publishes nothing when it wakes', async () => {
    const first = startRelay()
    await stage(1, 10)
    await untilPublished(10)
    // A relay that is frozen before it marks would rightly leave these to be published again.
    await untilAllAreMarked()
    const second = startRelay()
    first.child.kill('SIGSTOP')
    await stage(11, 20)
    const waits = () => second.lines.some(line => Number(line['seconds']) > 1)
    expect(await waitUntil(waits, soonMs)).toBe(true)
    const tookMs = await untilPublished(20)
    expect(tookMs).toBeLessThan(takenOverMs)
    first.child.kill('SIGCONT')
    await stage(21, 30)
    await untilPublished(30)
    await untilAllAreMarked()
    // The session of a dead relay is gone, so the other one does not wait for the lease.
    second.child.kill('SIGKILL')
    await stage(31, 40)
    const killMs = await untilPublished(40)
    expect(killMs).toBeLessThan(noLeaseMs)
    await untilAllAreMarked()
    expect(await published()).toEqual(numbers(1, 40))
  })

  test('does not send what it had read, when it wakes', async () => {
    const first = startRelay('before', '20')
    await stage(1, 10)
    await untilPublished(10)
    const second = startRelay()
    await stage(11, 20)
    await untilPublished(20)
    await stage(21, 30)
    await untilPublished(30)
    first.child.kill('SIGCONT')
    const isLogged = () => logOf(first).includes('too late to send')
    expect(await waitUntil(isLogged, soonMs)).toBe(true)
    await stage(31, 40)
    await untilPublished(40)
    await untilAllAreMarked()
    expect(await published()).toEqual(numbers(1, 40))
    expect(logOf(second)).not.toContain('loop.failed')
  })

  test('marks nothing when it wakes, and what it had sent is sent again in its order', async () => {
    const first = startRelay('after', '20')
    await stage(1, 10)
    await untilPublished(10)
    await stage(11, 20)
    expect(await waitUntil(() => isFrozen(first), soonMs)).toBe(true)
    const second = startRelay()
    await stage(21, 30)
    await untilPublished(30)
    await untilAllAreMarked()
    // The second relay has the lane, and is frozen while the first one tries to mark.
    second.child.kill('SIGSTOP')
    await database.pool.query('UPDATE outbox SET published_at = NULL WHERE payload = $1', ['20'])
    first.child.kill('SIGCONT')
    const isLogged = () => logOf(first).includes('lost between sending and marking')
    expect(await waitUntil(isLogged, soonMs)).toBe(true)
    const { rows } = await database.pool.query(
      'SELECT payload FROM outbox WHERE published_at IS NULL',
    )
    expect(rows).toEqual([{ payload: '20' }])
    second.child.kill('SIGCONT')
    await untilAllAreMarked()
    expect(await published()).toEqual([...numbers(1, 20), ...numbers(11, 30), 20])
  })
})
