import { sleep } from 'k6'
import exec from 'k6/execution'
import { alertFor, cardFor, draftFor, searchFor } from './generated-requests.ts'
import type { Answer, Asked } from './history-line.ts'
import * as measures from './measures.ts'
import { attemptsMax, type Ending, endingOf, isWorthRepeating, pauseMs } from './patience.ts'
import { type Arrivals, intendedOffsetMs, type Phase, phaseAt } from './profile.ts'
import { type Dice, diceOf } from './random-source.ts'
import { attempt, type Recorder, type Request, send } from './recording.ts'
import type { Employer, Settings } from './settings.ts'

/** Of those who were answered, these did not see it, and send the same request once more. */
const repeatedShare = 0.3
const featuredShare = 0.2
/** Looks at a listing or a payment that was last known to be pending. */
const pollsMax = 4
const pollPauseMs = 500
const alertShare = 0.01
const nextPageShare = 0.4
const msPerSecond = 1_000
/** Of whoever had no patience left before anything was at stake. */
const gaveUp: Answer = { status: 0, body: {}, replayed: false }
const noArrivals = { stages: [], stayMs: 0 }

type Visit = Recorder &
  Readonly<{
    settings: Settings
    employer: Employer
    /** For everything that is decided. */
    dice: Dice
    /** For everything that must be new in each run, whatever its seed. */
    ids: Dice
    key: string
    leftMs: () => number
  }>

/** The people of a run: what k6 lets each of its virtual users be, once per iteration. */
export function peopleOf(
  settings: Settings,
  phases: readonly Phase[],
  arrivals: readonly Arrivals[],
) {
  const visit = () => beginVisit(settings, phases, arrivals)
  return {
    employer: () => comeAsEmployer(visit()),
    candidate: () => comeAsCandidate(visit()),
  }
}

function beginVisit(
  settings: Settings,
  phases: readonly Phase[],
  arrivals: readonly Arrivals[],
): Visit {
  const { name, iterationInTest: number, startTime } = exec.scenario
  const { run, seed, record, employers } = settings
  const dice = diceOf(seed, name, number)
  const ids = diceOf(run, seed, name, number)
  const { stages, stayMs } = arrivals.find(each => each.name === name) ?? noArrivals
  const intendedMs = startTime + intendedOffsetMs(stages, number)
  const nowMs = Date.now()
  const deadlineMs = nowMs + stayMs
  exec.vu.metrics.tags['phase'] = phaseAt(phases, nowMs - startTime)
  measures.startDelay.add(nowMs - intendedMs)
  return {
    ...{ settings, run, record, dice, ids },
    employer: dice.pick(employers),
    key: `${run}:${name}:${number}`.padEnd(16, '.'),
    traceId: ids.hex(32),
    spanId: () => ids.hex(16),
    sinceMs: () => Math.max(0, Math.round(Date.now() - intendedMs)),
    leftMs: () => deadlineMs - Date.now(),
  }
}

/** Publishes a listing, and looks at what became of it; some send the same request once more. */
function comeAsEmployer(visit: Visit): void {
  measures.offered.add(1)
  const isRepeated = visit.dice.chance() < repeatedShare
  const { last, repeat } = publish(visit)
  const sinceMs = visit.sinceMs()
  const ending = endingOf(last, sinceMs, visit.settings.requestTimeoutMs)
  measures.endings[ending].add(1)
  if (!isAnswer(ending)) return
  measures.fromIntendedStart.add(sinceMs)
  if (isRepeated) repeat?.()
}

type Published = Readonly<{
  /** The last thing that this employer was told. */
  last: Answer
  /** Sends the request again, and looks at its payment. Absent when none was sent. */
  repeat?: () => void
}>

/**
 * Every payment of a run is made by a publication, as every payment of a user is. One that is made at
 * payments for a publication that listings does not know would be charged for nothing, and its event
 * would become a dead letter.
 */
function publish(visit: Visit): Published {
  const { settings, dice } = visit
  const { tenant } = visit.employer
  const drafted = insist(
    visit,
    { op: 'draft', tenant, req: {} },
    { method: 'POST', url: `${settings.listingsUrl}/v1/listings`, body: draftFor(dice) },
  )
  const listingId = idIn(drafted, 'listingId')
  if (drafted.status !== 201 || listingId === undefined) return { last: drafted }
  if (visit.leftMs() <= 0) return { last: gaveUp }
  const url = `${settings.listingsUrl}/v1/listings/${listingId}`
  const plan = dice.chance() < featuredShare ? 'featured' : 'basic'
  const { card, cardToken } = cardFor(dice)
  const asked: Asked = {
    op: 'publish',
    tenant,
    key: visit.key,
    id: listingId,
    req: { plan, card },
  }
  const request = { method: 'POST', url: `${url}/publish`, body: { plan, cardToken } } as const
  const answer = insist(visit, asked, request)
  const last = follow(visit, answer, listingId, { of: 'listing', url })
  return { last, repeat: () => askAgain(visit, asked, request) }
}

/** The same request under the same key has the same answer, and charges nothing. */
function askAgain(visit: Visit, asked: Asked, request: Pick<Request, 'method' | 'url'>): void {
  if (visit.leftMs() <= 0) return
  const again = { ...asked, req: { ...asked.req, attempt: attemptsMax + 1, again: 1 } }
  const answer = askOnce(visit, again, request)
  const paymentId = idIn(answer, 'paymentId')
  if (paymentId === undefined) return
  const url = `${visit.settings.paymentsUrl}/v1/payments/${paymentId}`
  follow(visit, answer, paymentId, { of: 'payment', url })
}

/** Sends the same request, under the same key, until the answer says something or patience ends. */
function insist(
  visit: Visit,
  asked: Asked,
  request: Pick<Request, 'method' | 'url'> & Partial<Request>,
): Answer {
  for (let number = 1; ; number += 1) {
    const answer = askOnce(visit, { ...asked, req: { ...asked.req, attempt: number } }, request)
    if (number === attemptsMax || !isWorthRepeating(answer)) return answer
    const pause = pauseMs(number, answer, visit.dice.chance())
    if (pause >= visit.leftMs()) return answer
    sleep(pause / msPerSecond)
  }
}

/**
 * Looks once at what was answered for good, and a few times at what was not, until it is. Only what
 * is better known than before is answered: a look cannot take back a 201.
 */
function follow(
  visit: Visit,
  answer: Answer,
  id: string,
  what: { of: 'listing' | 'payment'; url: string },
): Answer {
  const { of, url } = what
  const { requestTimeoutMs } = visit.settings
  const asked: Asked = {
    op: 'read',
    tenant: visit.employer.tenant,
    key: visit.key,
    id,
    req: { of },
  }
  const isOpen = !isAnswer(endingOf(answer, 0, requestTimeoutMs))
  for (let poll = 1; poll <= (isOpen ? pollsMax : 1); poll += 1) {
    if (isOpen && pollPauseMs < visit.leftMs()) sleep(pollPauseMs / msPerSecond)
    if (visit.leftMs() <= 0) break
    const seen = askOnce(visit, asked, { method: 'GET', url })
    if (isOpen && isAnswer(endingOf(seen, 0, requestTimeoutMs))) return seen
  }
  return answer
}

function askOnce(
  visit: Visit,
  asked: Asked,
  request: Pick<Request, 'method' | 'url'> & Partial<Request>,
): Answer {
  const headers = {
    authorization: `Bearer ${visit.employer.apiKey}`,
    ...(request.method === 'POST' && asked.key ? { 'idempotency-key': asked.key } : {}),
  }
  return attempt(visit, asked, { ...request, headers, timeoutMs: timeLeft(visit) })
}

/** For one request; at least a moment, because to k6 no time at all is for ever. */
function timeLeft({ settings, leftMs }: Visit): number {
  return Math.max(1, Math.min(settings.requestTimeoutMs, leftMs()))
}

/** Searches, perhaps turns the page, and now and then asks to be told of new listings. */
function comeAsCandidate(visit: Visit): void {
  const { settings, dice } = visit
  const url = `${settings.listingsUrl}/v1/listings?${searchFor(dice)}`
  const page = look(visit, url)
  const pageMs = visit.sinceMs()
  const nextAfter = page.body['nextAfter']
  if (typeof nextAfter === 'string' && dice.chance() < nextPageShare) {
    look(visit, `${url}&after=${nextAfter}`)
  }
  if (dice.chance() < alertShare) {
    send({
      method: 'POST',
      url: `${settings.notificationsUrl}/v1/alerts`,
      headers: {},
      body: alertFor(dice, visit.ids),
      timeoutMs: timeLeft(visit),
    })
  }
  if (page.status === 200) {
    measures.browseGood.add(1)
    measures.browseFromIntendedStart.add(pageMs)
  } else measures.browseLost.add(1)
}

/** The public board: nobody has to say who they are, and nothing changes. */
function look(visit: Visit, url: string): Answer {
  return send({ method: 'GET', url, headers: {}, timeoutMs: timeLeft(visit) })
}

function isAnswer(ending: Ending): boolean {
  return ending === 'good' || ending === 'late'
}

function idIn({ body }: Answer, name: 'listingId' | 'paymentId'): string | undefined {
  const id = body[name]
  return typeof id === 'string' ? id : undefined
}
