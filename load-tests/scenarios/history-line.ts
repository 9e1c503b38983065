/** What was asked; `history-line.schema.json` says what each field means. */
export type Asked = Readonly<{
  op: 'draft' | 'publish' | 'pay' | 'read'
  tenant: string
  key?: string
  id?: string
  req: Readonly<Record<string, string | number>>
}>

/** Who wrote the line, for which attempt, and when. */
export type Written = Readonly<{
  run: string
  idx: number
  proc: string
  t: number
  traceId: string
}>

/** What came back. Status 0: nothing did, and `error` says how that looked from here. */
export type Answer = Readonly<{
  status: number
  body: Readonly<Record<string, unknown>>
  replayed: boolean
  retryAfterSeconds?: number
  error?: string
}>

export type OutcomeType = 'ok' | 'fail' | 'info'

/** Refusals after which nothing was done. A 402 is final: declined. */
const provesNothingRan = [400, 401, 402, 403, 404, 413, 415, 422, 429]

/**
 * What an answer proves. Everything that is not a final yes or a plain refusal is `info`: it may or
 * may not have happened. To take a lost answer for a failure is the mistake that charges twice.
 */
export function outcomeTypeOf(status: number): OutcomeType {
  if (status >= 200 && status <= 299 && status !== 202) return 'ok'
  return provesNothingRan.includes(status) ? 'fail' : 'info'
}

/** The line before a request is sent: should we die now, it is known that it may have been. */
export function invokeLine(asked: Asked, written: Written): string {
  const { run, idx, proc, t, traceId } = written
  const { op, tenant, key, id, req } = asked
  return JSON.stringify({
    h: 1,
    run,
    idx,
    proc,
    op,
    type: 'invoke',
    t,
    tenant,
    key,
    id,
    req,
    traceId,
  })
}

/**
 * The line after it, with the question again, so that it can be read alone.
 * @param sinceMs since the moment at which this person was meant to come
 */
export function outcomeLine(
  asked: Asked,
  written: Written,
  answer: Answer,
  sinceMs: number,
): string {
  const { run, idx, proc, t, traceId } = written
  const { op, tenant, key, id, req } = asked
  const { status } = answer
  const type = outcomeTypeOf(status)
  const res = factsOf(answer)
  return JSON.stringify({
    ...{ h: 1, run, idx, proc, op, type, t, tenant, key, id, req, status, res, sinceMs, traceId },
  })
}

const facts = ['listingId', 'publicationId', 'paymentId', 'payment', 'status'] as const
const textMax = 64

/** Ids and states only: no e-mail address and no card token may reach a history. */
function factsOf({ status, body, replayed, retryAfterSeconds, error }: Answer) {
  const known = facts.flatMap(name => {
    const value = body[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  const problem = typeof body['type'] === 'string' ? body['type'].split('/').at(-1) : undefined
  return {
    ...Object.fromEntries(known),
    ...(status === 402 ? { declined: true } : {}),
    ...(replayed ? { replayed: true } : {}),
    ...(problem === undefined ? {} : { problem: problem.slice(0, textMax) }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(error === undefined ? {} : { error: error.slice(0, textMax) }),
  }
}
