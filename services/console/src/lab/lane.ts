import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRecordingClient, patienceMs } from '@nightshift/load-tests/harness/recording-client'
import { readProviderLog } from '@nightshift/load-tests/harness/test-client'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { waitUntil } from '@nightshift/local/wait-until'
import { limits } from '../limits.ts'
import type { Count, LaneCounts, LaneView } from '../snapshot.ts'
import type { WayToBreak } from './ways-to-break.ts'

export type LaneOptions = Readonly<{
  name: LaneView['name']
  title: string
  parts: TestParts
  /** The pattern switches of the services. */
  env: Readonly<Record<string, string>>
}>

/** Payments and a card provider of its own, and one client who pays. */
export type Lane = Readonly<{
  view: () => LaneView
  attempt: (way: WayToBreak) => Promise<void>
  close: () => Promise<void>
}>

const tenant = 'acme'
const impatientAttempts = 2
const lost = new Set(['reply.withheld', 'request.dropped'])
const moved = new Set(['intent.succeeded', 'intent.captured'])

/**
 * Opens a lane: two processes on a database and topics of their own. The client pays without a listing,
 * whose state would stop a second request by itself, and hide what the key is for.
 */
export async function openLane({ name, title, parts, env }: LaneOptions): Promise<Lane> {
  const system = await openTestSystem({
    parts,
    run: ['card-provider', 'payments'],
    env: { payments: env },
  })
  const dir = join(parts.stateDir, 'data', system.prefix.replace(/\.$/, ''))
  await mkdir(dir, { recursive: true })
  const historyFile = join(dir, 'lab-history.jsonl')
  const client = openRecordingClient(system, historyFile)
  let view: LaneView = { name, title, state: 'ready', events: [] }
  let before: Totals = await totalsOf(system, historyFile)

  function say(event: string): void {
    view = { ...view, events: [...view.events, event].slice(-limits.lab.eventsMax) }
  }

  async function count(): Promise<void> {
    const now = await totalsOf(system, historyFile)
    const since = (what: keyof Totals): Count => {
      const [earlier, later] = [before[what], now[what]]
      if (later.unseen !== undefined) return { unseen: later.unseen }
      return { number: (later.number ?? 0) - (earlier.number ?? 0) }
    }
    const counts: LaneCounts = {
      requests: since('requests'),
      providerCalls: since('providerCalls'),
      charges: since('charges'),
      booked: since('booked'),
    }
    view = { ...view, counts }
  }

  async function pay({ copies, impatientMs = patienceMs }: WayToBreak): Promise<void> {
    const ends =
      copies > 1
        ? (await client.payAtOnce(tenant, copies)).ends
        : [
            await client.pay(tenant, undefined, attempt =>
              attempt <= impatientAttempts ? impatientMs : patienceMs,
            ),
          ]
    for (const { answer } of ends) say(`the client was told ${answer.status || 'nothing'}`)
  }

  return {
    view: () => view,
    async attempt(way) {
      before = await totalsOf(system, historyFile)
      view = { name, title, state: 'trying', events: [] }
      await way.begin(system)
      say(way.story)
      const counting = setInterval(() => void count(), limits.lab.countEveryMs)
      try {
        await Promise.all([pay(way), healLater(way)])
        // What is still open is decided by the jobs: a late second charge counts, too.
        await sleep(way.lateMs)
        await count()
      } finally {
        clearInterval(counting)
        view = { ...view, state: 'ready' }
      }
    },
    async close() {
      await system[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    },
  }

  async function healLater({ heal }: WayToBreak): Promise<void> {
    if (heal === undefined) return
    const lostBefore = await lostCallsOf(system)
    await waitUntil(
      async () => (await lostCallsOf(system)) - lostBefore >= heal.lostCalls,
      heal.withinMs,
    )
    await heal.undo(system)
    say('the provider answers again')
  }
}

/** The calls that the provider did not answer, or never got. */
async function lostCallsOf(system: TestSystem): Promise<number> {
  const lines = await readProviderLog(system)
  return lines.filter(({ type }) => lost.has(type)).length
}

type Totals = Readonly<Record<keyof LaneCounts, Count>>

/** Each number from its owner, so that none can be wrong because another is. */
async function totalsOf(system: TestSystem, historyFile: string): Promise<Totals> {
  const provider = await seen(() => readProviderLog(system))
  const from = (number: (lines: readonly { type: string; requestId?: string }[]) => number) =>
    'unseen' in provider ? provider : { number: number(provider.value) }
  const requests = await seen(() => countRequests(historyFile))
  const booked = await seen(() => countBooked(system))
  return {
    requests: 'unseen' in requests ? requests : { number: requests.value },
    providerCalls: from(lines => new Set(lines.flatMap(line => line.requestId ?? [])).size),
    charges: from(lines => lines.filter(({ type }) => moved.has(type)).length),
    booked: 'unseen' in booked ? booked : { number: booked.value },
  }
}

async function countBooked(system: TestSystem): Promise<number> {
  const { rows } = await withDatabase(system.databaseUrl('payments'), database =>
    database.query<{ count: number }>(
      `SELECT count(*)::int FROM ledger_transactions WHERE source = 'capture'`,
    ),
  )
  return rows[0]?.count ?? 0
}

async function seen<Value>(
  look: () => Promise<Value>,
): Promise<{ value: Value } | { unseen: string }> {
  try {
    return { value: await look() }
  } catch (error) {
    return { unseen: (error as Error).message }
  }
}

/** The requests to pay in the client's own history. */
async function countRequests(historyFile: string): Promise<number> {
  const text = await readFile(historyFile, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return '' // nothing was sent yet
    throw error
  })
  const lines = text.split('\n').filter(line => line.includes('"op":"pay"'))
  return lines.filter(line => line.includes('"invoke"')).length
}
