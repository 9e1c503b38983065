import { sleep } from 'k6'
import exec from 'k6/execution'
import { alertFor, cardFor, draftFor, searchFor } from './generated-requests.ts'
import type { Answer, Asked } from './history-line.ts'
import * as metrics from './metrics.ts'
import { type Arrivals, intendedOffsetMs, type Phase, phaseAt } from './profile.ts'
import { type RandomSource, randomSource } from './random-source.ts'
import { attempt, type Recorder, type Request, send } from './recording.ts'
import { attemptsMax, type Ending, endingOf, isWorthRepeating, pauseMs } from './retry-policy.ts'
import type { Employer, Settings } from './settings.ts'

/** This share of the answered employers sends the same request once more. */
const repeatedShare = 0.3
const featuredShare = 0.2
/** How often an employer reads a listing or a payment that is still pending. */
const pollsMax = 12
const pollPauseMs = 500
const alertShare = 0.01
const nextPageShare = 0.4
const msPerSecond = 1_000
/** The employer ran out of time before it had asked to publish. */
const gaveUp: Answer = { status: 0, body: {}, replayed: false }
const noArrivals = { stages: [], stayMs: 0 }

type Visit = Recorder &
  Readonly<{
    settings: Settings
    employer: Employer
    /** Decides what the visitor does. */
    random: RandomSource
    /** Makes the ids, which must be new in each run even if the seed is the same. */
    ids: RandomSource
    key: string
    leftMs: () => number
  }>

/** The functions that k6 runs, once for each visitor. */
export function visitorsOf(
  settings: Settings,
  phases: readonly Phase[],
  arrivals: readonly Arrivals[],
) {
  const visit = () => beginVisit(settings, phases, arrivals)
  return {
    employer: () => visitAsEmployer(visit()),
    candidate: () => visitAsCandidate(visit()),
  }
}

function beginVisit(
  settings: Settings,
  phases: readonly Phase[],
  arrivals: readonly Arrivals[],
): Visit {
  const { name, iterationInTest: number, startTime } = exec.scenario
  const { run, seed, record, employers } = settings
  const random = randomSource(seed, name, number)
  const ids = randomSource(run, seed, name, number)
  const { stages, stayMs } = arrivals.find(each => each.name === name) ?? noArrivals
  const intendedMs = startTime + intendedOffsetMs(stages, number)
  const nowMs = Date.now()
  const deadlineMs = nowMs + stayMs
  exec.vu.metrics.tags['phase'] = phaseAt(phases, nowMs - startTime)
  metrics.startDelay.add(nowMs - intendedMs)
  return {
    settings,
    run,
    record,
    random,
    ids,
    employer: random.pick(employers),
    key: `${run}:${name}:${number}`.padEnd(16, '.'),
    traceId: ids.hex(32),
    spanId: () => ids.hex(16),
    sinceMs: () => Math.max(0, Math.round(Date.now() - intendedMs)),
    leftMs: () => deadlineMs - Date.now(),
  }
}

/** Publishes a listing and reads the result. Some employers then send the same request once more. */
function visitAsEmployer(visit: Visit): void {
  metrics.offered.add(1)
  const isRepeated = visit.random.chance() < repeatedShare
  const { last, repeat } = publish(visit)
  const sinceMs = visit.sinceMs()
  const ending = endingOf(last, sinceMs, visit.settings.requestTimeoutMs)
  metrics.endings[ending].add(1)
  if (!isAnswered(ending)) return
  metrics.fromIntendedStart.add(sinceMs)
  if (isRepeated) repeat?.()
}

type Published = Readonly<{
  /** The last answer that the employer got. */
  last: Answer
  /** Sends the request again, and reads its payment. Absent when no request was sent. */
  repeat?: () => void
}>

/**
 * Every payment of a run belongs to a publication, as every payment of a user does. A payment that is
 * made at payments directly would be charged for nothing: listings does not know its publication, and
 * dead-letters its event.
 */
function publish(visit: Visit): Published {
  const { settings, random } = visit
  const { tenant } = visit.employer
  const drafted = askUntilAnswered(
    visit,
    { op: 'draft', tenant, req: {} },
    { method: 'POST', url: `${settings.listingsUrl}/v1/listings`, body: draftFor(random) },
  )
  const listingId = idIn(drafted, 'listingId')
  if (drafted.status !== 201 || listingId === undefined) return { last: drafted }
  if (visit.leftMs() <= 0) return { last: gaveUp }
  const url = `${settings.listingsUrl}/v1/listings/${listingId}`
  const plan = random.chance() < featuredShare ? 'featured' : 'basic'
  const { card, cardToken } = cardFor(random)
  const asked: Asked = {
    op: 'publish',
    tenant,
    key: visit.key,
    id: listingId,
    req: { plan, card },
  }
  const request = { method: 'POST', url: `${url}/publish`, body: { plan, cardToken } } as const
  const answer = askUntilAnswered(visit, asked, request)
  const last = pollUntilFinal(visit, answer, listingId, { of: 'listing', url })
  return { last, repeat: () => repeatRequest(visit, asked, request) }
}

/** The same request under the same key must get the same answer, and charge nothing. */
function repeatRequest(visit: Visit, asked: Asked, request: Pick<Request, 'method' | 'url'>): void {
  if (visit.leftMs() <= 0) return
  const again = { ...asked, req: { ...asked.req, attempt: attemptsMax + 1, again: 1 } }
  const answer = askOnce(visit, again, request)
  const paymentId = idIn(answer, 'paymentId')
  if (paymentId === undefined) return
  const url = `${visit.settings.paymentsUrl}/v1/payments/${paymentId}`
  pollUntilFinal(visit, answer, paymentId, { of: 'payment', url })
}

/** Repeats a request under the same key until the answer proves something, or no time is left. */
function askUntilAnswered(
  visit: Visit,
  asked: Asked,
  request: Pick<Request, 'method' | 'url'> & Partial<Request>,
): Answer {
  for (let number = 1; ; number += 1) {
    const answer = askOnce(visit, { ...asked, req: { ...asked.req, attempt: number } }, request)
    if (number === attemptsMax || !isWorthRepeating(answer)) return answer
    const pause = pauseMs(number, answer, visit.random.chance())
    if (pause >= visit.leftMs()) return answer
    sleep(pause / msPerSecond)
  }
}

/**
 * Reads once after a final answer. After an open or a lost one it reads a few times, until the state is
 * final. After a refusal there is nothing to read. A read never replaces a final answer, because it
 * cannot take back a 201.
 */
function pollUntilFinal(
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
  const ending = endingOf(answer, 0, requestTimeoutMs)
  if (ending === 'refused') return answer
  const isOpen = !isAnswered(ending)
  for (let poll = 1; poll <= (isOpen ? pollsMax : 1); poll += 1) {
    if (isOpen && pollPauseMs < visit.leftMs()) sleep(pollPauseMs / msPerSecond)
    if (visit.leftMs() <= 0) break
    const seen = askOnce(visit, asked, { method: 'GET', url })
    if (isOpen && isAnswered(endingOf(seen, 0, requestTimeoutMs))) return seen
  }
  return answer
}

function askOnce(
  visit: Visit,
  asked: Asked,
  request: Pick<Request, 'method' | 'url'> & Partial<Request>,
): Answer {
  const timeoutMs = timeLeft(visit)
  const earlierAttempts = Number(asked.req['attempt'] ?? 1) - 1
  const headers = {
    authorization: `Bearer ${visit.employer.apiKey}`,
    'x-request-timeout-ms': String(Math.floor(timeoutMs)),
    ...(earlierAttempts > 0 ? { 'x-retry-attempt': String(earlierAttempts) } : {}),
    ...(request.method === 'POST' && asked.key ? { 'idempotency-key': asked.key } : {}),
  }
  return attempt(visit, asked, { ...request, headers, timeoutMs })
}

/** The timeout of one request. It is never 0, because k6 takes 0 for no timeout. */
function timeLeft({ settings, leftMs }: Visit): number {
  return Math.max(1, Math.min(settings.requestTimeoutMs, leftMs()))
}

/** Searches, sometimes opens the next page, and rarely saves an alert. */
function visitAsCandidate(visit: Visit): void {
  const { settings, random } = visit
  const url = `${settings.listingsUrl}/v1/listings?${searchFor(random)}`
  const readsOn = random.chance() < nextPageShare
  const page = browse(visit, url, { ignoresBody: !readsOn })
  const pageMs = visit.sinceMs()
  const nextAfter = page.body['nextAfter']
  if (readsOn && typeof nextAfter === 'string') {
    browse(visit, `${url}&after=${nextAfter}`, { ignoresBody: true })
  }
  if (random.chance() < alertShare) {
    send({
      method: 'POST',
      url: `${settings.notificationsUrl}/v1/alerts`,
      headers: {},
      body: alertFor(random, visit.ids),
      ignoresBody: true,
      timeoutMs: timeLeft(visit),
    })
  }
  if (page.status === 200) {
    metrics.browseGood.add(1)
    metrics.browseFromIntendedStart.add(pageMs)
  } else metrics.browseLost.add(1)
}

/** The public search needs no credentials, changes nothing, and is not part of the history. */
function browse(visit: Visit, url: string, how: Pick<Request, 'ignoresBody'>): Answer {
  return send({ method: 'GET', url, headers: {}, timeoutMs: timeLeft(visit), ...how })
}

function isAnswered(ending: Ending): boolean {
  return ending === 'good' || ending === 'late'
}

function idIn({ body }: Answer, name: 'listingId' | 'paymentId'): string | undefined {
  const id = body[name]
  return typeof id === 'string' ? id : undefined
}
