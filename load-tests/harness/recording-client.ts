import { randomBytes, randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { retryHeader } from '@nightshift/runtime/process/priority'
import { call, draftListing } from './test-client.ts'
import type { TestSystem } from './test-system.ts'

export type Tenant = 'acme' | 'northwind' | 'lumen'

const now = openWallClock()
/** The least step of it, in milliseconds: two lines of one process never have the same time. */
const clockStepMs = 0.001

const traceIdBytes = 16
const spanIdBytes = 8

/** A history names an employer by id. */
const tenantIds = new Map(seedTenants.map(({ name, tenantId }) => [name, tenantId]))

export type RecordedAnswer = {
  type: 'ok' | 'fail' | 'info'
  /** 0 when there was no answer. */
  status: number
  json: Record<string, string>
  replayed?: true
  /** Until the answer, or until the client stopped waiting. */
  waitMs: number
  retryAfterSeconds?: number
}
type Request = {
  op: 'draft' | 'publish' | 'pay' | 'refund' | 'read'
  tenant: Tenant
  url: string
  key?: string
  id?: string
  req?: Record<string, unknown>
  body?: object
}

export type RecordingClient = ReturnType<typeof openRecordingClient>

/** About ten seconds of pauses, and more where the answers are slow. */
const attemptsMaxDefault = 40
const retryMs = 250
/** How long a client waits for an answer, unless an experiment is about another wait. */
export const patienceMs = 5_000
/** Another attempt cannot change these 409s. Any other 409 means that the request is in progress. */
const finalConflict = /(?:not-a-draft|payment-not-captured)$/

type FinalEnd = { answer: RecordedAnswer; attempts: number; answeredAt: number }

/** The answer to the first request of an intent, and how to go on with it. */
type AskedOnce = { answer: RecordedAnswer; finish: () => Promise<FinalEnd> }

/** How long the client waits for the answer to this attempt (from 1) before it tries again. */
export type Patience = (attempt: number) => number

/**
 * A well-behaved client that keeps a history for the auditor: one line before each request, and one
 * line with the answer.
 */
export function openRecordingClient(
  system: TestSystem,
  historyFile: string,
  attemptsMax: number = attemptsMaxDefault,
) {
  let idx = 0
  const write = (line: object) => appendFileSync(historyFile, `${JSON.stringify(line)}\n`)

  async function ask(
    request: Request,
    waitMs = patienceMs,
    told: Record<string, string> = {},
  ): Promise<RecordedAnswer> {
    idx += 1
    const { op, tenant, key, id, req = {}, url, body } = request
    const traceId = randomBytes(traceIdBytes).toString('hex')
    const attempt = { h: 1, run: 'experiment', idx, proc: String(idx), op, traceId }
    const asked = { tenant: tenantIds.get(tenant), key, id, req }
    write({ ...attempt, type: 'invoke', t: now(), ...asked })
    const headers = {
      ...told,
      // Version, trace, the client's own span, and that the trace is kept (W3C Trace Context).
      traceparent: `00-${traceId}-${randomBytes(spanIdBytes).toString('hex')}-01`,
      authorization: `Bearer ${system.apiKeys[tenant]}`,
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    }
    const answer = await send(url, headers, body, waitMs)
    const { type, status } = answer
    write({ ...attempt, type, t: now(), ...asked, status, res: resultOf(answer) })
    return answer
  }

  /** Repeats the request under the same key until the answer is final or no attempts are left. */
  async function askUntilFinal(request: Request, patience?: Patience): Promise<FinalEnd> {
    for (let attempts = 1; ; attempts += 1) {
      const req = { ...request.req, attempt: attempts }
      const answer = await ask({ ...request, req }, patience?.(attempts))
      const isFinal = answer.type !== 'info' || finalConflict.test(answer.json['type'] ?? '')
      if (isFinal || attempts >= attemptsMax) return { answer, attempts, answeredAt: now() }
      await sleep(retryMs)
    }
  }

  async function read(tenant: Tenant, of: 'listing' | 'payment', id: string) {
    const base = of === 'listing' ? system.urls.listings : system.urls.payments
    return ask({ op: 'read', tenant, id, req: { of }, url: `${base}/v1/${of}s/${id}` })
  }

  const payment = (tenant: Tenant, cardToken: string) => paymentBy(system, tenant, cardToken)
  const publication = (tenant: Tenant, id: string, cardToken: string, key: string) =>
    publicationBy(system, tenant, id, cardToken, key)

  /** Asks once. `finish` asks again under the same key until the answer is final. */
  async function askOnce(request: Request): Promise<AskedOnce> {
    const answer = await ask({ ...request, req: { ...request.req, attempt: 1 } })
    return { answer, finish: () => askUntilFinal(request) }
  }

  /** @param told further headers */
  function askForDraft(tenant: Tenant, told: Record<string, string> = {}): Promise<RecordedAnswer> {
    const url = `${system.urls.listings}/v1/listings`
    return ask({ op: 'draft', tenant, url, body: draftListing() }, patienceMs, told)
  }

  return {
    read,
    askForDraft,
    async draft(tenant: Tenant): Promise<string> {
      const { json } = await askForDraft(tenant)
      return json['listingId'] ?? ''
    },
    payOnce: (tenant: Tenant) => askOnce(payment(tenant, 'pm_card_visa')),
    publishOnce: (tenant: Tenant, id: string) =>
      askOnce(publication(tenant, id, 'pm_card_visa', newKey())),
    /** Asks once, and leaves after `waitMs` whatever the answer. */
    publishAndLeave: (tenant: Tenant, id: string, waitMs: number) => {
      const request = publication(tenant, id, 'pm_card_visa', newKey())
      return ask({ ...request, req: { ...request.req, attempt: 1 } }, waitMs)
    },
    async publish(tenant: Tenant, id: string, cardToken = 'pm_card_visa', key = newKey()) {
      await read(tenant, 'listing', id)
      const end = await askUntilFinal(publication(tenant, id, cardToken, key))
      await read(tenant, 'listing', id)
      return { key, ...end }
    },
    async pay(tenant: Tenant, cardToken = 'pm_card_visa', patience?: Patience) {
      const request = payment(tenant, cardToken)
      const end = await askUntilFinal(request, patience)
      const { paymentId } = end.answer.json
      if (paymentId !== undefined) await read(tenant, 'payment', paymentId)
      return { key: request.key, ...end }
    },
    /**
     * Asks once and leaves, whatever the answer. The client asks under this key again only if what
     * this returns is called.
     * @param waitMs when it leaves; with `saysSo` it tells that to the service
     */
    async payAndLeave(
      tenant: Tenant,
      { waitMs = patienceMs, saysSo = false } = {},
    ): Promise<() => Promise<unknown>> {
      const request = payment(tenant, 'pm_card_visa')
      const told = saysSo ? { 'x-request-timeout-ms': String(waitMs) } : {}
      await ask({ ...request, req: { ...request.req, attempt: 1 } }, waitMs, told)
      return () => askUntilFinal(request)
    },
    /**
     * Asks, and asks again when it is told to, until the answer is final or the client leaves.
     * @param patienceMs so long after the first request it leaves
     */
    async payAsTold(tenant: Tenant, patienceMs: number): Promise<RecordedAnswer> {
      const request = payment(tenant, 'pm_card_visa')
      const leavesAt = now() + patienceMs
      for (let attempt = 1; ; attempt += 1) {
        const told = attempt === 1 ? {} : { [retryHeader]: String(attempt - 1) }
        const req = { ...request.req, attempt }
        const answer = await ask({ ...request, req }, leavesAt - now(), told)
        const pauseMs = 1_000 * (answer.retryAfterSeconds ?? 1)
        if (answer.type !== 'info' || now() + pauseMs >= leavesAt) return answer
        await sleep(pauseMs)
      }
    },
    /** Sends one intent several times at once, in turn to each of these instances of payments. */
    async payAtOnce(tenant: Tenant, copies: number, instances = [system.urls.payments]) {
      const request = payment(tenant, 'pm_card_visa')
      const sends = Array.from({ length: copies }, (_unused, copy) =>
        askUntilFinal({ ...request, url: `${instances[copy % instances.length]}/v1/payments` }),
      )
      return { key: request.key, ends: await Promise.all(sends) }
    },
    /** Asks for everything that is left unless an amount is named, until the refund has succeeded. */
    async refund(tenant: Tenant, id: string, amountCents?: number, key = newKey()) {
      const url = `${system.urls.payments}/v1/payments/${id}/refunds`
      const req = amountCents === undefined ? {} : { amountCents }
      const body = { ...req, reason: 'requested_by_customer' }
      const end = await askUntilFinal({ op: 'refund', tenant, url, key, id, req, body })
      await read(tenant, 'payment', id)
      return { key, ...end }
    },
  }
}

function paymentBy(system: TestSystem, tenant: Tenant, cardToken: string) {
  const req = {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
  }
  const url = `${system.urls.payments}/v1/payments`
  return { op: 'pay', tenant, url, key: newKey(), req, body: { ...req, cardToken } } as const
}

function publicationBy(
  system: TestSystem,
  tenant: Tenant,
  id: string,
  cardToken: string,
  key: string,
) {
  const url = `${system.urls.listings}/v1/listings/${id}/publish`
  const card = cardToken.startsWith('pm_card_chargeDeclined') ? 'bad' : 'good'
  const body = { plan: 'basic', cardToken }
  return { op: 'publish', tenant, url, key, id, req: { plan: 'basic', card }, body } as const
}

/** Without requests after the last fault, the auditor cannot tell whether the system recovered (L5). */
export async function publishAfterRecovery(client: RecordingClient): Promise<void> {
  for (const tenant of ['acme', 'northwind', 'lumen'] as const) {
    await client.publish(tenant, await client.draft(tenant))
  }
}

/** Callers come at a steady rate, however long the ones before them wait. Each pays once. */
export async function atRate<T>(
  pay: () => Promise<T>,
  count: number,
  perSecond: number,
): Promise<T[]> {
  const callers: Promise<T>[] = []
  for (let sent = 0; sent < count; sent += 1) {
    callers.push(pay())
    await sleep(1_000 / perSecond)
  }
  return Promise.all(callers)
}

/** One request that is in no history. An answer that does not come in time has the status 0. */
export async function send(
  url: string,
  headers: Record<string, string>,
  body: object | undefined,
  patienceMs: number,
): Promise<RecordedAnswer> {
  const startedMs = performance.now()
  const waitMs = () => Math.round(performance.now() - startedMs)
  const asking = call(body ? 'POST' : 'GET', url, { headers, body })
  const timeout = sleep(patienceMs, undefined, { ref: false })
  try {
    const answer = await Promise.race([asking, timeout])
    if (!answer) {
      asking.catch(() => undefined) // the client has stopped waiting for this answer
      return { type: 'info', status: 0, json: {}, waitMs: waitMs() }
    }
    const { status, json = {}, headers: told } = answer
    const retryAfter = told.get('retry-after')
    return {
      type: typeOf(status),
      status,
      json,
      waitMs: waitMs(),
      ...(told.get('idempotency-replayed') === 'true' ? { replayed: true } : {}),
      ...(retryAfter === null ? {} : { retryAfterSeconds: Number(retryAfter) }),
    }
  } catch {
    // A lost answer is what this client is about.
    return { type: 'info', status: 0, json: {}, waitMs: waitMs() }
  }
}

function typeOf(status: number): RecordedAnswer['type'] {
  if (status === 200 || status === 201) return 'ok'
  return status === 202 || status === 409 || status >= 500 ? 'info' : 'fail'
}

function resultOf({ status, json, replayed }: RecordedAnswer) {
  const { listingId, publicationId, paymentId, refundId, payment, status: state } = json
  if (status === 402) return { paymentId, declined: true, replayed }
  if (status >= 400) return { problem: json['type']?.split('/').at(-1) }
  if (status === 0) return {}
  return { listingId, publicationId, paymentId, refundId, payment, status: state, replayed }
}

function newKey(): string {
  return `intent-${randomUUID()}`
}

/**
 * The time of a line that is compared with lines of other processes, in milliseconds since 1970. It
 * follows the clock of the machine, as the others do: time that is counted since the start of a process
 * stays behind when the clock is set, for example after a virtual machine was paused. It never goes back.
 * @param readMs the clock of the machine
 */
export function openWallClock(readMs: () => number = Date.now): () => number {
  let lastMs = Number.NEGATIVE_INFINITY
  return () => {
    lastMs = Math.max(readMs(), lastMs + clockStepMs)
    return lastMs
  }
}
