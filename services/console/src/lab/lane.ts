import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isCapture } from '@nightshift/load-tests/auditor/facts'
import { openRecordingClient, patienceMs } from '@nightshift/load-tests/harness/recording-client'
import { readProviderLog, saveAlert } from '@nightshift/load-tests/harness/test-client'
import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { readIfThere } from '@nightshift/local/read-if-there'
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

/** What a publication needs besides payments, in the order of their start. */
const publishing = ['mailbox', 'listings', 'notifications'] as const

/**
 * Opens a lane: two processes on databases and topics of their own, and three more from the first way in
 * which a client publishes.
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
  const client = openRecordingClient(system, historyFile, limits.lab.attemptsMax)
  let view: LaneView = { name, title, state: 'ready', events: [] }
  let canPublish = false
  let before: Totals = await countAll()

  function countAll(): Promise<Totals> {
    return totalsOf(system, historyFile, canPublish)
  }

  function say(event: string): void {
    view = { ...view, events: [...view.events, event].slice(-limits.lab.eventsMax) }
  }

  async function count(): Promise<void> {
    const now = await countAll()
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
      mails: since('mails'),
    }
    view = { ...view, counts }
  }

  /** Starts the rest of the system, and lets a candidate wait for the listing. */
  async function preparePublishing(): Promise<void> {
    if (canPublish) return
    for (const process of publishing) {
      await system.start(process)
      await system.waitReady(process)
    }
    await saveAlert(system)
    canPublish = true
  }

  async function publish(): Promise<void> {
    const { answer } = await client.publish(tenant, await client.draft(tenant))
    say(`the client was told ${answer.status || 'nothing'}`)
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
      view = { name, title, state: 'trying', events: [] }
      const isPublished = way.client === 'publishes'
      if (isPublished) await preparePublishing()
      before = await countAll()
      await way.begin(system)
      say(way.story)
      const counting = setInterval(() => void count(), limits.lab.countEveryMs)
      try {
        await Promise.all([isPublished ? publish() : pay(way), healLater(way)])
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
async function totalsOf(
  system: TestSystem,
  historyFile: string,
  hasMails: boolean,
): Promise<Totals> {
  const provider = await seen(() => readProviderLog(system))
  const from = (number: (lines: readonly { type: string; requestId?: string }[]) => number) =>
    'unseen' in provider ? provider : { number: number(provider.value) }
  const requests = await seen(() => countRequests(historyFile))
  const booked = await seen(() => countBooked(system))
  const mails = hasMails
    ? await seen(() => countMails(system))
    : { unseen: 'no listing was published' }
  return {
    requests: 'unseen' in requests ? requests : { number: requests.value },
    providerCalls: from(lines => new Set(lines.flatMap(line => line.requestId ?? [])).size),
    charges: from(lines => lines.filter(isCapture).length),
    booked: 'unseen' in booked ? booked : { number: booked.value },
    mails: 'unseen' in mails ? mails : { number: mails.value },
  }
}

/** The mails about listings that the mail server has accepted, copies included. */
async function countMails(system: TestSystem): Promise<number> {
  const answer = await fetch(new URL(`/mails?limit=${limits.lab.mailsMax}`, system.urls.mailbox), {
    signal: AbortSignal.timeout(limits.lab.askMs),
  })
  if (!answer.ok) throw new Error(`the mail server answered ${answer.status}`)
  const { mails } = (await answer.json()) as {
    mails: { messageId: string | null; accepted: number }[]
  }
  return mails
    .filter(({ messageId }) => messageId?.startsWith('<alert.'))
    .reduce((sum, { accepted }) => sum + accepted, 0)
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

/** The requests to pay or to publish in the client's own history. */
async function countRequests(historyFile: string): Promise<number> {
  // Without a file, nothing was sent yet.
  const text = (await readIfThere(historyFile)) ?? ''
  const lines = text.split('\n').filter(line => line.includes('"invoke"'))
  return lines.filter(line => /"op":"(?:pay|publish)"/.test(line)).length
}
