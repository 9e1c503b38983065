import { readFile } from 'node:fs/promises'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { readInstances } from '@nightshift/local/proxy/await-instances'
import { expect, inject, test } from 'vitest'
import type { HistoryLine } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { steadyLoad } from '../harness/steady-load.ts'
import { readProviderLog } from '../harness/test-client.ts'
import { restartInTurn, type TestSystem } from '../harness/test-system.ts'
import {
  type ExperimentSystem,
  judgeAtRest,
  openExperimentSystem,
} from '../runner/experiment-system.ts'

const parts = inject('parts')
const run = ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'] as const
const instances = [
  'payments',
  'payments-2',
  'listings',
  'listings-2',
  'notifications',
  'notifications-2',
] as const
/**
 * An instance that starts takes a core for a second, and one that is behind for so long refuses. That is
 * another pattern, and not what these tests are about.
 */
const neverBehind = { PATTERN_LOAD_SHEDDING: 'naive' }
const env = Object.fromEntries(instances.map(name => [name, neverBehind]))
const options = { parts, run, env, replicas: 2 } as const
const restMs = 30_000
/** Half a minute each on an idle machine. */
const testMs = 180_000

const listingsPublished = 40
const paymentsSentTwice = 40
const atATime = 8

test(
  'two instances of every service charge each payment once, and publish and apply each event once, also when one is killed',
  async () => {
    await using open = await openExperimentSystem(options)
    const { system, client, recordFault } = open
    let paid = 0
    await Promise.all([
      runConcurrently(listingsPublished, atATime, async () => {
        await client.publish('acme', await client.draft('acme'))
      }),
      runConcurrently(paymentsSentTwice, atATime, async () => {
        // One key at the same moment at both instances: HAProxy sends requests to them in turn.
        await client.payAtOnce('northwind', 2)
        paid += 1
        if (paid !== paymentsSentTwice / 2) return
        recordFault('process', 'begin', 'payments', { signal: 'SIGKILL' })
        await system.signal('payments-2', 'SIGKILL')
        await system.waitReady('payments-2')
        recordFault('process', 'end', 'payments')
      }),
    ])
    const { verdict } = await judgeAtRest(open, restMs, { paysDirectly: true })
    expect(verdict).toMatchObject({ violations: [], valid: true })

    const charged = (await readProviderLog(system)).filter(line => line.type === 'intent.succeeded')
    const recovery = 3 // `judgeAtRest` publishes for each employer
    expect(charged).toHaveLength(listingsPublished + paymentsSentTwice + recovery)
    for (const service of ['payments', 'listings'] as const) {
      expect(await countEvents(system, service)).toEqual({ waiting: 0, twice: 0 })
    }
    for (const name of instances.filter(each => !each.startsWith('notifications'))) {
      expect(await system.logs(name), name).toContain('"event":"http.request"')
    }
  },
  testMs,
)

test(
  'a rolling restart of every instance under load fails no request and breaks no promise',
  async () => {
    await using open = await openExperimentSystem(options)
    const { system, client, recordFault } = open
    const searches: string[] = []
    const loads = [
      steadyLoad(30, async () => searches.push(await search(system))),
      steadyLoad(10, () => client.payAndLeave('acme')),
      steadyLoad(5, async () => client.read('lumen', 'listing', await client.draft('lumen'))),
      steadyLoad(2, async () => client.publish('northwind', await client.draft('northwind'))),
    ]
    recordFault('process', 'begin', 'payments', { signal: 'SIGTERM' })
    const restarted = await restartInTurn(system, parts)
    recordFault('process', 'end', 'payments')
    await Promise.all(loads.map(load => load.stop()))

    expect(restarted).toEqual(instances)
    expect(searches.length).toBeGreaterThan(100)
    expect(searches.filter(answer => answer !== '200')).toEqual([])
    expect(await failedAttempts(open)).toEqual([])
    const { verdict } = await judgeAtRest(open, restMs, { paysDirectly: true })
    expect(verdict).toMatchObject({ violations: [], valid: true })
  },
  testMs,
)

test(
  'when an instance is killed, the other one serves, and none is restarted while one is away',
  async () => {
    await using open = await openExperimentSystem(options)
    const { system } = open
    await system.stop('listings-2')
    for (let asked = 0; asked < 20; asked += 1) expect(await search(system)).toBe('200')
    await expect(restartInTurn(system, parts)).rejects.toThrow(/Nothing was restarted.*listings-2/)
    const seen = await readInstances(system.statsUrl ?? '')
    expect(seen.filter(each => !each.takesRequests).map(({ name }) => name)).toEqual(['listings-2'])
  },
  testMs,
)

/** The status, or why there was none. */
async function search({ urls }: TestSystem): Promise<string> {
  try {
    const answer = await fetch(`${urls.listings}/v1/listings`)
    await answer.text()
    return String(answer.status)
  } catch (error) {
    return String(error)
  }
}

/** The requests of the recording client that had no answer, or one of the 500s. */
async function failedAttempts({ sources }: ExperimentSystem): Promise<HistoryLine[]> {
  const lines = (await readFile(sources.historyFiles?.[0] ?? '', 'utf8')).trim().split('\n')
  const answers = lines.map(line => JSON.parse(line) as HistoryLine)
  return answers.filter(
    ({ type, status }) =>
      type !== 'invoke' && (status === undefined || status === 0 || status >= 500),
  )
}

/** Events of the outbox that wait, and events that the consumer would have applied twice. */
async function countEvents(system: TestSystem, service: 'payments' | 'listings') {
  const { rows } = await withDatabase(system.databaseUrl(service), database =>
    database.query(`SELECT count(*) FILTER (WHERE published_at IS NULL)::int AS waiting,
      (count(*) - count(DISTINCT event_id))::int AS twice FROM outbox`),
  )
  return rows[0]
}
