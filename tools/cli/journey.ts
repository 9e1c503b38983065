import { randomBytes, randomUUID } from 'node:crypto'
import { confirmLinkIn } from '@nightshift/local/seed/confirm-address'
import { currentTraceparent, injectInto, inSpan } from '@nightshift/runtime/telemetry/tracing'

export type JourneyOptions = {
  urls: { listings: string; notifications: string; mailbox: string; cardProvider: string }
  /** An employer's key. */
  apiKey: string
  /** The limit of each step; a step that takes longer fails the journey. */
  stepDeadlineMs: number
}

export type JourneyStep = {
  name: string
  ms: number
  ids: Readonly<Record<string, string>>
  /** Set on the step that failed. */
  failure?: string
}

export type JourneyResult = {
  ok: boolean
  ms: number
  traceId: string | undefined
  steps: JourneyStep[]
}

/** A step failed. The steps before it are in the result. */
class StepFailed extends Error {}

const pollMs = 25
const attemptMs = 8_000

/**
 * Takes the whole path once, as users would. A candidate saves an alert and confirms the address by
 * the link in a mail. An employer drafts a listing, pays and publishes it. The listing appears in the
 * public search, the mail arrives, and the card provider's own log shows one charge. A request whose
 * answer is lost is sent again under the same key, as a good client does.
 */
export async function runJourney(options: JourneyOptions): Promise<JourneyResult> {
  const startedMs = performance.now()
  const steps: JourneyStep[] = []
  const word = `journey${randomBytes(5).toString('hex')}`
  let traceId: string | undefined
  const ok = await inSpan('journey', {}, async () => {
    traceId = currentTraceparent()?.split('-')[1]
    try {
      await walk(options, word, steps)
      return true
    } catch (error) {
      if (error instanceof StepFailed) return false
      throw error
    }
  })
  return { ok, ms: performance.now() - startedMs, traceId, steps }
}

async function walk(options: JourneyOptions, word: string, steps: JourneyStep[]): Promise<void> {
  const { urls, apiKey, stepDeadlineMs } = options
  const step = <T extends Record<string, string>>(name: string, attempt: Attempt<T>) =>
    takeStep(name, stepDeadlineMs, attempt, steps)
  const employer = { authorization: `Bearer ${apiKey}` }
  const email = `candidate-${word}@example.org`

  await step('a candidate saves an alert', async () => {
    const body = { email, text: word }
    const answer = await send('POST', `${urls.notifications}/v1/alerts`, { body })
    return answer.status === 201 ? { done: { alertId: answer.json.alertId } } : again(answer)
  })
  await confirmAddress(step, urls.mailbox, email)
  const { listingId } = await step('an employer drafts a listing', async () => {
    const body = draft(word)
    const answer = await send('POST', `${urls.listings}/v1/listings`, { headers: employer, body })
    return answer.status === 201 ? { done: { listingId: answer.json.listingId } } : again(answer)
  })
  const key = `journey-${randomUUID()}`
  const { publicationId } = await step('pays for it and publishes it', async () => {
    const answer = await send('POST', `${urls.listings}/v1/listings/${listingId}/publish`, {
      headers: { ...employer, 'idempotency-key': key },
      body: { plan: 'basic', cardToken: 'pm_card_visa' },
    })
    const { publicationId } = answer.json
    return answer.status === 201 ? { done: { publicationId } } : again(answer)
  })
  await step('the listing is live in the public search', async () => {
    const answer = await send('GET', `${urls.listings}/v1/listings?text=${word}`)
    const found = answer.json.listings?.some(listing => listing.listingId === listingId)
    return found ? { done: { listingId } } : again(answer)
  })
  await step('the mail is in the mailbox', async () => {
    const answer = await send('GET', `${urls.mailbox}/mails?to=${encodeURIComponent(email)}`)
    const mails = (answer.json.mails ?? []).filter(mail => !confirmLinkIn(mail.text))
    if (mails.length > 1) return { failure: `${mails.length} mails instead of one` }
    return mails[0] ? { done: { mailId: String(mails[0].id) } } : again(answer)
  })
  await step('the card was charged once, says the provider', async () => {
    const answer = await send('GET', `${urls.cardProvider}/log?publication_id=${publicationId}`)
    const charges = (answer.json.lines ?? []).filter(line => line.type === 'intent.succeeded')
    if (charges.length > 1) return { failure: `${charges.length} charges instead of one` }
    return charges[0] ? { done: { intentId: charges[0].intentId } } : again(answer)
  })
}

type Step = <T extends Record<string, string>>(name: string, attempt: Attempt<T>) => Promise<T>

/** The candidate confirms the address by the first mail: until then no alert counts. */
async function confirmAddress(step: Step, mailboxUrl: string, email: string): Promise<void> {
  await step('and confirms the address by the link in a mail', async () => {
    const answer = await send('GET', `${mailboxUrl}/mails?to=${encodeURIComponent(email)}`)
    const mail = (answer.json.mails ?? []).find(({ text }) => confirmLinkIn(text))
    const link = mail && confirmLinkIn(mail.text)
    if (!mail || !link) return again(answer)
    const confirmed = await send('POST', link, { form: { confirm: 'yes' } })
    return confirmed.status === 200 ? { done: { mailId: String(mail.id) } } : again(confirmed)
  })
}

type Attempt<T> = () => Promise<{ done: T } | { again: string } | { failure: string }>

/** Repeats an attempt until it is done, is refused for good, or the time of the step is up. */
async function takeStep<T extends Record<string, string>>(
  name: string,
  deadlineMs: number,
  attempt: Attempt<T>,
  steps: JourneyStep[],
): Promise<T> {
  return inSpan(name, {}, async () => {
    const startedMs = performance.now()
    const elapsedMs = () => performance.now() - startedMs
    const fail = (failure: string) => {
      steps.push({ name, ms: elapsedMs(), ids: {}, failure })
      throw new StepFailed(failure)
    }
    for (;;) {
      const result = await attempt()
      if ('done' in result) {
        steps.push({ name, ms: elapsedMs(), ids: result.done })
        return result.done
      }
      if ('failure' in result) return fail(result.failure)
      if (elapsedMs() > deadlineMs) {
        return fail(`not within ${deadlineMs / 1000} s; last answer: ${result.again}`)
      }
      await new Promise(resolve => setTimeout(resolve, pollMs))
    }
  })
}

type Answer = { status: number; json: Json; text: string }
/** The fields that the journey reads, of all answers. */
type Json = {
  alertId: string
  listingId: string
  publicationId: string
  listings?: { listingId: string }[]
  mails?: { id: string | number; text: string }[]
  lines?: { type: string; intentId: string }[]
}

async function send(
  method: 'GET' | 'POST',
  url: string,
  request: { headers?: Record<string, string>; body?: object; form?: Record<string, string> } = {},
): Promise<Answer> {
  const json = request.body && JSON.stringify(request.body)
  const body = json ?? (request.form && new URLSearchParams(request.form))
  try {
    const answer = await fetch(url, {
      method,
      headers: injectInto({
        ...request.headers,
        ...(json ? { 'content-type': 'application/json' } : {}),
      }),
      ...(body ? { body } : {}),
      signal: AbortSignal.timeout(attemptMs),
    })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json')
    return { status: answer.status, json: (isJson ? JSON.parse(text) : {}) as Json, text }
  } catch (error) {
    // Without an answer a client does not know what happened, and may send the same again.
    const cause = (error as Error).cause ?? error
    return { status: 0, json: {} as Json, text: `no answer (${(cause as Error).message})` }
  }
}

/** Statuses after which a client may repeat: no answer, pending, in progress, shed, or not there yet. */
const repeatable = new Set([0, 200, 202, 404, 408, 409, 429, 502, 503, 504])

function again({ status, text }: Answer): { again: string } | { failure: string } {
  const summary = `${status || ''} ${text.slice(0, 200)}`.trim()
  return repeatable.has(status) ? { again: summary } : { failure: summary }
}

function draft(word: string) {
  return {
    title: `Night-shift engineer ${word}`,
    company: 'Acme Logistics',
    description: 'Sleep well: the system looks after itself.',
    area: 'worldwide',
    seniority: 'senior',
    salaryMinEurPerYear: 80_000,
    salaryMaxEurPerYear: 100_000,
  }
}
