import { randomUUID } from 'node:crypto'
import type { Injector } from '@nightshift/faults/injector/injector'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { waitUntil } from '@nightshift/local/wait-until'
import { patienceMs, type RecordedAnswer, send } from '../harness/recording-client.ts'
import { call } from '../harness/test-client.ts'
import { breakDependency } from './break-dependency.ts'
import type { ExperimentSystem } from './experiment-system.ts'
import type { DependencyFault, FaultState, Journey } from './resiliency-matrix.ts'

/** One try of a journey while a dependency has a fault. */
export type Try = Readonly<{
  /** Until the answer, or until it had happened. */
  waitMs: number
  /** The status of the first answer; 0 for none, and unset where a journey is no request. */
  status?: number
  hasRetryAfter?: boolean
  /** False when a request that had to succeed after the fault did not, or nothing ever happened. */
  hasEnded: boolean
  /** From the end of the fault to the end of the journey. Unset when it ended before. */
  afterHealMs?: number
}>

export type Observed = Readonly<Record<Journey, readonly Try[]>>

/**
 * Requests of each kind during a fault, one after the other. With more of them circuit breakers would
 * open, and most would not meet the fault itself.
 */
const triesEach = 3
/**
 * How long a fault lasts at least, unless all journeys are over. In this time a mail could come, over
 * several slow links one after the other.
 */
const faultMinMs: Readonly<Record<FaultState, number>> = { down: 3_000, slow: 20_000 }
/** A full circle of jobs: a lease ends, a job looks again, a consumer joins its group again. */
const endedMaxMs = 60_000
const pollMs = 100

const tenant = 'acme'

/** Makes what there is to be seen and found, and returns the id of the payment. */
export async function beforeAllFaults({ system, client }: ExperimentSystem): Promise<string> {
  const listingId = await client.draft(tenant)
  await client.publish(tenant, listingId)
  const { mailedAt } = await follow(system, [listingId], endedMaxMs)
  if (mailedAt.size === 0) throw new Error('no mail came from a system without a fault')
  const { answer } = await client.pay(tenant)
  return answer.json['paymentId'] ?? ''
}

/** Runs every journey while one dependency has its fault, and sees what was begun to its end. */
export async function observeJourneys(
  opened: ExperimentSystem,
  injector: Injector,
  paymentId: string,
  { dependency, state }: DependencyFault,
): Promise<Observed> {
  const { system, client } = opened
  const drafts = await times(() => client.draft(tenant))
  await breakDependency(injector, dependency.spot, state)
  const brokenAt = Date.now()
  const askedAt = new Map<string, number>()
  const unpublished = drafts.values()
  const asked = await Promise.all([
    times(() => client.payOnce(tenant)),
    times(() => askAgainLater(() => client.read(tenant, 'payment', paymentId))),
    times(() => askAgainLater(() => client.askForDraft(tenant))),
    times(() => {
      const listingId = unpublished.next().value ?? ''
      askedAt.set(listingId, Date.now())
      return client.publishOnce(tenant, listingId)
    }),
    times(() => askAgainLater(() => search(opened))),
    times(() => saveNewAlert(opened)),
  ])
  await follow(system, drafts, Math.max(0, brokenAt + faultMinMs[state] - Date.now()))
  const healedAt = Date.now()
  const [tries] = await Promise.all([
    Promise.all(asked.map(same => Promise.all(same.map(one => finish(one, healedAt))))),
    injector.healAll(),
  ])
  const { liveAt, mailedAt } = await follow(system, drafts, endedMaxMs)
  const followed = (at: ReadonlyMap<string, number>) =>
    drafts.map(id => followedTry(askedAt.get(id) ?? 0, at.get(id), healedAt))
  const [pay = [], see = [], draft = [], publish = [], searched = [], saved = []] = tries
  return {
    pay,
    'see a payment': see,
    draft,
    publish,
    'go live': followed(liveAt),
    search: searched,
    'save an alert': saved,
    'get a mail': followed(mailedAt),
  }
}

/** Several times the same, one after the other. */
async function times<T>(work: () => Promise<T>): Promise<T[]> {
  const done: T[] = []
  while (done.length < triesEach) done.push(await work())
  return done
}

type Asked = Readonly<{
  answer: RecordedAnswer
  finish: () => Promise<{ answer: RecordedAnswer; answeredAt: number }>
}>

/** Asks once. `finish` asks the same again until it succeeds. */
async function askAgainLater(ask: () => Promise<RecordedAnswer>): Promise<Asked> {
  const answer = await ask()
  return {
    answer,
    finish: async () => {
      let last = answer
      const hasSucceeded = async () => {
        last = await ask()
        return last.type === 'ok'
      }
      await waitUntil(hasSucceeded, endedMaxMs, pollMs)
      return { answer: last, answeredAt: Date.now() }
    },
  }
}

/** Repeats a request that had no final answer, until it has succeeded. */
async function finish({ answer, finish: askAgain }: Asked, healedAt: number): Promise<Try> {
  const { status, waitMs, type, retryAfterSeconds } = answer
  const first = { waitMs, status, hasRetryAfter: retryAfterSeconds !== undefined, hasEnded: true }
  if (type === 'ok') return first
  const end = await askAgain()
  const afterHealMs = Math.round(end.answeredAt - healedAt)
  return { ...first, hasEnded: end.answer.type === 'ok', afterHealMs }
}

function followedTry(askedAt: number, at: number | undefined, healedAt: number): Try {
  if (at === undefined) return { waitMs: Date.now() - askedAt, hasEnded: false }
  const ended = { waitMs: at - askedAt, hasEnded: true }
  return at < healedAt ? ended : { ...ended, afterHealMs: at - healedAt }
}

/** A search that was not made before, so that no cache has its answer. An empty answer is wrong. */
async function search({ system }: ExperimentSystem): Promise<RecordedAnswer> {
  const query = `text=engineer&salaryAtLeastEurPerYear=${1_000 + (Date.now() % 79_000)}`
  const url = `${system.urls.listings}/v1/listings?${query}`
  const answer = await send(url, {}, undefined, patienceMs)
  const isEmpty = answer.status === 200 && answer.json['listings']?.length === 0
  return isEmpty ? { ...answer, type: 'info', status: 0 } : answer
}

function saveNewAlert({ system }: ExperimentSystem): Promise<Asked> {
  const body = { email: `${randomUUID()}@example.org`, area: 'europe' }
  const url = `${system.urls.notifications}/v1/alerts`
  return askAgainLater(() => send(url, {}, body, patienceMs))
}

type Followed = Readonly<{
  liveAt: ReadonlyMap<string, number>
  mailedAt: ReadonlyMap<string, number>
}>

/**
 * Waits until these listings are live and the candidate has a mail about each, or until the time is
 * up. It asks the database and the mailbox directly, because the links to them may be down.
 */
async function follow(
  { databaseUrl, urls }: ExperimentSystem['system'],
  listingIds: readonly string[],
  timeoutMs: number,
): Promise<Followed> {
  const liveAt = new Map<string, number>()
  const mailedAt = new Map<string, number>()
  await withDatabase(databaseUrl('listings'), async db => {
    await waitUntil(
      async () => {
        const { rows } = await db.query<{ id: string; at: Date }>(
          `SELECT listing_id AS id, published_at AS at FROM listings
           WHERE listing_id = ANY($1) AND published_at IS NOT NULL`,
          [listingIds],
        )
        for (const { id, at } of rows) liveAt.set(id, at.getTime())
        const { mails } = (await call('GET', `${urls.mailbox}/mails?limit=100`)).json as Mails
        for (const { text, receivedAt } of mails) {
          const id = listingIds.find(each => text.includes(each))
          if (id !== undefined && !mailedAt.has(id)) mailedAt.set(id, Date.parse(receivedAt))
        }
        return listingIds.every(id => liveAt.has(id) && mailedAt.has(id))
      },
      timeoutMs,
      pollMs,
    )
  })
  return { liveAt, mailedAt }
}

type Mails = { mails: { text: string; receivedAt: string }[] }
