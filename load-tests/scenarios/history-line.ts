/** The request. `history-line.schema.json` describes each field. */
export type Asked = Readonly<{
  op: 'draft' | 'publish' | 'pay' | 'read'
  tenant: string
  key?: string
  id?: string
  req: Readonly<Record<string, string | number>>
}>

/** Identifies the attempt and the moment of a line. */
export type LineHead = Readonly<{
  run: string
  idx: number
  proc: string
  t: number
  traceId: string
}>

/** The answer. Status 0 means that there was none; then `error` describes what the client saw. */
export type Answer = Readonly<{
  status: number
  body: Readonly<Record<string, unknown>>
  replayed: boolean
  retryAfterSeconds?: number
  error?: string
}>

export type OutcomeType = 'ok' | 'fail' | 'info'

/** Refusals that prove that nothing was done. A 402 is final: the card was declined. */
const refusals = [400, 401, 402, 403, 404, 413, 415, 422, 429]

/**
 * Classifies an answer by what it proves. Everything but a final success or a plain refusal is `info`: the request may or
 * may not have taken effect. A client that takes a lost answer for a failure pays twice.
 */
export function outcomeTypeOf(status: number): OutcomeType {
  if (status >= 200 && status <= 299 && status !== 202) return 'ok'
  return refusals.includes(status) ? 'fail' : 'info'
}

/** The line before a request: if the client dies now, it is known that the request may have been sent. */
export function invokeLine(asked: Asked, head: LineHead): string {
  const { run, idx, proc, t, traceId } = head
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
 * The line after the answer. It repeats the request, so that it can be read alone.
 * @param sinceMs the time since the intended start of this visit
 */
export function outcomeLine(asked: Asked, head: LineHead, answer: Answer, sinceMs: number): string {
  const { run, idx, proc, t, traceId } = head
  const { op, tenant, key, id, req } = asked
  const { status } = answer
  const type = outcomeTypeOf(status)
  const res = factsOf(answer)
  return JSON.stringify({
    h: 1,
    run,
    idx,
    proc,
    op,
    type,
    t,
    tenant,
    key,
    id,
    req,
    status,
    res,
    sinceMs,
    traceId,
  })
}

const facts = ['listingId', 'publicationId', 'paymentId', 'payment', 'status'] as const
const textMax = 64

/** Keeps ids and states only: no e-mail address and no card token may reach a history. */
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
