import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openTestTopic, type TestTopic } from '@nightshift/load-tests/harness/test-topic'
import { deleteTopics, prepareTopics } from '@nightshift/local/prepare/prepare-topics'
import { waitUntil } from '@nightshift/local/wait-until'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'

const run = promisify(execFile)
const childFile = fileURLToPath(new URL('./relay-child.ts', import.meta.url))
const topicName = 'payments.v1'
/** A lease is 8 s, and a relay looks for one twenty times a second; the rest is for a busy machine. */
const takenOverMs = 12_000
/** Shorter than a lease, or it would not show that there was no waiting for one. */
const noLeaseMs = 5_000
const soonMs = 20_000

let open: AsyncDisposableStack
let database: pg.Client
let databaseUrl: string
let topic: TestTopic
let prefix: string
const aggregateId = randomUUID()

beforeEach(async () => {
  open = new AsyncDisposableStack()
  const { postgresUrl, kafkaBrokers, templates } = inject('parts')
  const name = `relay_${randomBytes(4).toString('hex')}`
  const server = open.adopt(new pg.Client({ connectionString: postgresUrl }), c => c.end())
  await server.connect()
  await server.query(`CREATE DATABASE ${name} TEMPLATE ${templates.payments}`)
  open.defer(async () => void (await server.query(`DROP DATABASE ${name} WITH (FORCE)`)))
  const url = new URL(postgresUrl)
  url.pathname = `/${name}`
  databaseUrl = url.href
  database = open.adopt(new pg.Client({ connectionString: databaseUrl }), c => c.end())
  await database.connect()
  // The templates have what the seed brought about; none of it is to be published.
  await database.query('DELETE FROM outbox')

  prefix = `${name}.`
  open.defer(() => deleteTopics(kafkaBrokers, prefix))
  await prepareTopics(kafkaBrokers, prefix)
  topic = open.use(await openTestTopic({ brokers: kafkaBrokers, prefix }, topicName))
})
afterEach(() => open.disposeAsync())

type Relay = { child: ChildProcess; lines: Record<string, unknown>[] }

function startRelay(...freeze: string[]): Relay {
  const args = [childFile, databaseUrl, inject('parts').kafkaBrokers, prefix, ...freeze]
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

/** Events of one aggregate, numbered, so that their order can be seen. */
async function stage(from: number, to: number): Promise<void> {
  await database.query(
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
    const { rows } = await database.query('SELECT FROM outbox WHERE published_at IS NULL')
    return rows.length
  }
  if (!(await waitUntil(async () => (await left()) === 0, soonMs))) throw new Error('not all')
}

const isFrozen = async ({ child }: Relay) => {
  const { stdout } = await run('ps', ['-o', 'state=', '-p', String(child.pid)])
  return stdout.trim().startsWith('T')
}

const told = ({ lines }: Relay) => JSON.stringify(lines.filter(line => line['event'] !== 'age'))

/** Its session kept an advisory lock, and the others waited and reported that nothing waits. */
describe('a relay that is frozen while it has the lane', () => {
  test('is replaced, and publishes nothing when it wakes', async () => {
    const first = startRelay()
    await stage(1, 10)
    await untilPublished(10)
    // Frozen between the two, it would leave these to be published again, rightly.
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
    // The session of a relay that has died is gone, so that the other does not wait for the lease.
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
    const isTold = () => told(first).includes('too late to send')
    expect(await waitUntil(isTold, soonMs)).toBe(true)
    await stage(31, 40)
    await untilPublished(40)
    await untilAllAreMarked()
    expect(await published()).toEqual(numbers(1, 40))
    expect(told(second)).not.toContain('loop.failed')
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
    // The lane is the second one's, and it holds still while the first one tries to mark.
    second.child.kill('SIGSTOP')
    await database.query('UPDATE outbox SET published_at = NULL WHERE payload = $1', ['20'])
    first.child.kill('SIGCONT')
    const isTold = () => told(first).includes('lost between sending and marking')
    expect(await waitUntil(isTold, soonMs)).toBe(true)
    const { rows } = await database.query('SELECT payload FROM outbox WHERE published_at IS NULL')
    expect(rows).toEqual([{ payload: '20' }])
    second.child.kill('SIGCONT')
    await untilAllAreMarked()
    expect(await published()).toEqual([...numbers(1, 20), ...numbers(11, 30), 20])
  })
})
