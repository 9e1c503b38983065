import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { call, draftListing } from './test-client.ts'
import type { TestSystem } from './test-system.ts'

export type Tenant = 'acme' | 'northwind' | 'lumen'

/** A history names an employer by id. */
const tenantIds = new Map(seedTenants.map(({ name, tenantId }) => [name, tenantId]))

type Told = {
  type: 'ok' | 'fail' | 'info'
  status: number
  json: Record<string, string>
  replayed?: true
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

export type RecordingClient = ReturnType<typeof openClient>

/** With a pause after each: about ten seconds, and more where answers are slow to come. */
const attemptsMaxDefault = 40
const retryMs = 250
const patienceMs = 5_000
/** The 409s that asking again does not change; another one says that somebody is at it. */
const finalConflict = /(?:not-a-draft|payment-not-captured)$/

/** How long the client waits for the answer to this attempt (from 1); it then asks again. */
export type Patience = (attempt: number) => number

/**
 * Acts like a well-behaved client of the system, and keeps its history for the auditor: it writes
 * down what it asks before it asks, and what it was told after.
 */
export function openClient(
  system: TestSystem,
  historyFile: string,
  attemptsMax: number = attemptsMaxDefault,
) {
  let idx = 0
  let procs = 0
  const write = (line: object) => appendFileSync(historyFile, `${JSON.stringify(line)}\n`)

  async function ask(proc: string, request: Request, waitMs = patienceMs): Promise<Told> {
    idx += 1
    const { op, tenant, key, id, req = {}, url, body } = request
    const base = { h: 1, run: 'experiment', idx, proc, op }
    const what = { tenant: tenantIds.get(tenant), key, id, req }
    write({ ...base, type: 'invoke', t: now(), ...what })
    const told = await send(url, system.apiKeys[tenant] ?? '', key, body, waitMs)
    const { type, status } = told
    write({ ...base, type, t: now(), ...what, status, res: resultOf(told) })
    return told
  }

  /** The same key until the answer is final, or the patience is at its end. */
  async function untilFinal(request: Request, patience?: Patience) {
    for (let attempts = 1; ; attempts += 1) {
      procs += 1
      const req = { ...request.req, attempt: attempts }
      const told = await ask(String(procs), { ...request, req }, patience?.(attempts))
      const isFinal = told.type !== 'info' || finalConflict.test(told.json['type'] ?? '')
      if (isFinal || attempts >= attemptsMax) return { told, attempts, answeredAt: now() }
      await sleep(retryMs)
    }
  }

  async function read(tenant: Tenant, of: 'listing' | 'payment', id: string): Promise<Told> {
    const base = of === 'listing' ? system.urls.listings : system.urls.payments
    procs += 1
    const url = `${base}/v1/${of}s/${id}`
    return ask(String(procs), { op: 'read', tenant, id, req: { of }, url })
  }

  return {
    read,
    async draft(tenant: Tenant): Promise<string> {
      const url = `${system.urls.listings}/v1/listings`
      procs += 1
      const { json } = await ask(String(procs), { op: 'draft', tenant, url, body: draftListing() })
      return json['listingId'] ?? ''
    },
    async publish(tenant: Tenant, id: string, cardToken = 'pm_card_visa', key = newKey()) {
      const url = `${system.urls.listings}/v1/listings/${id}/publish`
      const req = {
        plan: 'basic',
        card: cardToken.startsWith('pm_card_chargeDeclined') ? 'bad' : 'good',
      }
      const body = { plan: 'basic', cardToken }
      await read(tenant, 'listing', id)
      const end = await untilFinal({ op: 'publish', tenant, url, key, id, req, body })
      await read(tenant, 'listing', id)
      return { key, ...end }
    },
    async pay(tenant: Tenant, cardToken = 'pm_card_visa', patience?: Patience) {
      const key = newKey()
      const url = `${system.urls.payments}/v1/payments`
      const wish = { listingId: randomUUID(), publicationId: randomUUID() }
      const req = { ...wish, amountCents: 9_900, currency: 'EUR' }
      const request = { op: 'pay', tenant, url, key, req, body: { ...req, cardToken } } as const
      const end = await untilFinal(request, patience)
      const { paymentId } = end.told.json
      if (paymentId !== undefined) await read(tenant, 'payment', paymentId)
      return { key, ...end }
    },
    /** All that is left, unless an amount is named; until it is given back, and not only owed. */
    async refund(tenant: Tenant, id: string, amountCents?: number, key = newKey()) {
      const url = `${system.urls.payments}/v1/payments/${id}/refunds`
      const req = amountCents === undefined ? {} : { amountCents }
      const body = { ...req, reason: 'requested_by_customer' }
      const end = await untilFinal({ op: 'refund', tenant, url, key, id, req, body })
      await read(tenant, 'payment', id)
      return { key, ...end }
    },
    ...paymentsOfTheHasty(system, untilFinal, async request => {
      procs += 1
      await ask(String(procs), request)
    }),
  }
}

/** What a client does who does not wait: it leaves, or asks again before there is an answer. */
function paymentsOfTheHasty<Told>(
  system: TestSystem,
  untilFinal: (request: Request) => Promise<Told>,
  askOnce: (request: Request) => Promise<void>,
) {
  const requestOf = (tenant: Tenant) => {
    const wish = { listingId: randomUUID(), publicationId: randomUUID() }
    const req = { ...wish, amountCents: 9_900, currency: 'EUR' }
    const body = { ...req, cardToken: 'pm_card_visa' }
    const url = `${system.urls.payments}/v1/payments`
    return { op: 'pay', tenant, url, key: newKey(), req: { ...req, attempt: 1 }, body } as const
  }
  return {
    /** Asks once, and is gone whatever comes of it: nobody will ask under this key again. */
    payAndLeave: (tenant: Tenant) => askOnce(requestOf(tenant)),
    /** One intent, sent so many times at once, in turn to each of these instances of payments. */
    async payAtOnce(tenant: Tenant, copies: number, instances = [system.urls.payments]) {
      const request = requestOf(tenant)
      const sends = Array.from({ length: copies }, (_, copy) =>
        untilFinal({ ...request, url: `${instances[copy % instances.length]}/v1/payments` }),
      )
      return { key: request.key, ends: await Promise.all(sends) }
    },
  }
}

async function send(
  url: string,
  apiKey: string,
  key: string | undefined,
  body: object | undefined,
  waitMs: number,
): Promise<Told> {
  const headers = {
    authorization: `Bearer ${apiKey}`,
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  }
  const asking = call(body ? 'POST' : 'GET', url, { headers, body })
  const late = sleep(waitMs, undefined, { ref: false })
  try {
    const answer = await Promise.race([asking, late])
    // Whatever comes now is for nobody.
    if (!answer) asking.catch(() => undefined)
    if (!answer) return { type: 'info', status: 0, json: {} }
    const { status, headers: told, json = {} } = answer
    const replayed = told.get('idempotency-replayed') === 'true'
    return { type: typeOf(status), status, json, ...(replayed ? { replayed } : {}) }
  } catch {
    return { type: 'info', status: 0, json: {} } // a lost answer is what this client is about
  }
}

function typeOf(status: number): Told['type'] {
  if (status === 200 || status === 201) return 'ok'
  return status === 202 || status === 409 || status >= 500 ? 'info' : 'fail'
}

function resultOf({ status, json, replayed }: Told) {
  const { listingId, publicationId, paymentId, refundId, payment, status: state } = json
  const ids = { listingId, publicationId, paymentId, refundId }
  if (status === 402) return { paymentId, declined: true, replayed }
  return status >= 400 || status === 0 ? {} : { ...ids, payment, status: state, replayed }
}

function newKey(): string {
  return `intent-${randomUUID()}`
}

function now(): number {
  return performance.timeOrigin + performance.now()
}
