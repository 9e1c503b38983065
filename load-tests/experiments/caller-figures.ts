import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { quantile } from '../reporting/figures.ts'

/** One caller who asked to pay: when, for how long it waited, and what it was told. */
export type Caller = Readonly<{
  sinceFaultMs: number
  /** Until the answer, or until it left. */
  waitMs: number
  /** 0 for a caller who left without an answer. */
  status: number
}>

/** Every caller who asked to pay, counted from the begin of the first fault. */
export function callersIn({ history, faultLog }: Evidence): Caller[] {
  const faultAt = rowsOf(faultLog).find(({ action }) => action === 'begin')?.t ?? 0
  const requests = Map.groupBy(
    rowsOf(history).filter(({ op }) => op === 'pay'),
    ({ proc }) => proc,
  )
  return [...requests.values()].flatMap(([asked, told]) =>
    asked && told
      ? [{ sinceFaultMs: asked.t - faultAt, waitMs: told.t - asked.t, status: told.status ?? 0 }]
      : [],
  )
}

/** The wait that 99 of 100 of these callers did not exceed, in whole milliseconds. */
export function p99WaitMs(callers: readonly Caller[]): number {
  const waits = callers.map(({ waitMs }) => waitMs)
  return Math.round(quantile(waits, 0.99) ?? 0)
}
