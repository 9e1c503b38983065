import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { quantile } from '../reporting/figures.ts'

/** One caller, who asked to pay or to publish: when, for how long it waited, and what it was told. */
export type Caller = Readonly<{
  /** The id of the tenant. */
  tenant: string
  askedAt: number
  sinceFaultMs: number
  /** Until the answer, or until it left. */
  waitMs: number
  /** 0 for a caller who left without an answer. */
  status: number
}>

/** Every caller who asked for this, counted from the begin of the first fault. */
export function callersIn(
  { history, faultLog }: Evidence,
  wanted: 'pay' | 'publish' = 'pay',
): Caller[] {
  const faultAt = rowsOf(faultLog).find(({ action }) => action === 'begin')?.t ?? 0
  const requests = Map.groupBy(
    rowsOf(history).filter(({ op }) => op === wanted),
    ({ proc }) => proc,
  )
  return [...requests.values()].flatMap(([asked, told]) =>
    asked && told
      ? [
          {
            tenant: asked.tenant,
            askedAt: asked.t,
            sinceFaultMs: asked.t - faultAt,
            waitMs: told.t - asked.t,
            status: told.status ?? 0,
          },
        ]
      : [],
  )
}

/** What became of the callers who came during the only fault. */
export function endsDuringFault(evidence: Evidence, wanted: 'pay' | 'publish' = 'pay') {
  const lengthMs = lengthOfFault(evidence)
  const callers = callersIn(evidence, wanted).filter(
    ({ sinceFaultMs }) => sinceFaultMs >= 0 && sinceFaultMs < lengthMs,
  )
  const withStatus = (status: number) => callers.filter(caller => caller.status === status)
  return {
    callers: callers.length,
    paid: withStatus(201).length,
    refused: withStatus(503).length,
    left: withStatus(0).length,
    p99PaidMs: p99WaitMs(withStatus(201)),
  }
}

/** The wait that 99 of 100 of these callers did not exceed, in whole milliseconds. */
export function p99WaitMs(callers: readonly Caller[]): number {
  const waits = callers.map(({ waitMs }) => waitMs)
  return Math.round(quantile(waits, 0.99) ?? 0)
}

/** The time of the only fault, in milliseconds. */
export function lengthOfFault({ faultLog }: Evidence): number {
  const at = (wanted: string) => rowsOf(faultLog).find(({ action }) => action === wanted)?.t ?? 0
  return at('end') - at('begin')
}

/** From the end of the fault to the first answer "paid". If there is none, it took at least so long. */
export function firstPaidAfter(returnedMs: number, callers: readonly Caller[]): number {
  const answers = callers
    .map(({ sinceFaultMs, waitMs, status }) => ({ toldMs: sinceFaultMs + waitMs, status }))
    .filter(({ toldMs }) => toldMs >= returnedMs)
  const paid = answers.filter(({ status }) => status === 201)
  const first = Math.min(...paid.map(({ toldMs }) => toldMs))
  const last = Math.max(returnedMs, ...answers.map(({ toldMs }) => toldMs))
  return Math.round(Math.min(first, last) - returnedMs)
}

/** Counts the callers who left without an answer, and those whose card was charged afterwards. */
export function chargedForNobody({ history, provider, faultLog }: Evidence) {
  const endedAt = rowsOf(faultLog).find(({ action }) => action === 'end')?.t ?? 0
  const chargedAt = new Map(
    rowsOf(provider)
      .filter(({ type, publicationId }) => type === 'intent.succeeded' && publicationId)
      .map(({ publicationId, t }) => [publicationId, t]),
  )
  const ends = rowsOf(history).filter(
    ({ op, type, t }) => op === 'pay' && type !== 'invoke' && t < endedAt,
  )
  const left = ends.filter(({ status }) => status === 0)
  const charged = left.filter(({ req, t }) => {
    const { publicationId } = req as { publicationId?: string }
    return (chargedAt.get(publicationId) ?? 0) > t
  })
  return { callers: ends.length, left: left.length, chargedForNobody: charged.length }
}
