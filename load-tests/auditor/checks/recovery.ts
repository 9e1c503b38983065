import type { Attempt } from '../attempts.ts'
import { rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import { faultsOf } from '../faults.ts'
import type { Finding } from '../verdict.ts'

const recoveryMaxMs = 30_000
const windowMs = 5_000
const stepMs = 1_000
/** One lucky answer must not speak for the whole system. */
const attemptsMin = 5
const honestShareMin = 0.99
/** A 503 is honest, but a system that refuses everything has not recovered. */
const servedShareMin = 0.5

export type Recovery =
  | { kind: 'no-fault' }
  | { kind: 'recovered'; afterMs: number }
  | { kind: 'not-recovered' }
  /** Too few clients asked after the last fault, so their answers prove nothing. */
  | { kind: 'unseen' }

/**
 * Looks for a steady state within 30 s after the last fault: a window of five seconds in which 99 % of
 * the answers were honest and at least half were no refusal. Honest is everything but silence and a
 * 5xx other than 503.
 */
export function measureRecovery(facts: Facts): Recovery {
  const { lastEnd } = faultsOf(rowsOf(facts.evidence.faultLog))
  if (lastEnd === undefined) return { kind: 'no-fault' }
  const later = facts.attempts
    .filter(({ endedAt }) => endedAt !== undefined && endedAt >= lastEnd)
    .toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0))
  let windowsSeen = 0
  for (let afterMs = 0; afterMs <= recoveryMaxMs; afterMs += stepMs) {
    const from = lastEnd + afterMs
    const inWindow = later.filter(({ endedAt = 0 }) => endedAt >= from && endedAt < from + windowMs)
    if (inWindow.length < attemptsMin) continue
    windowsSeen += 1
    const honest = inWindow.filter(isHonest).length / inWindow.length
    const served = inWindow.filter(isServed).length / inWindow.length
    if (honest >= honestShareMin && served >= servedShareMin) return { kind: 'recovered', afterMs }
  }
  const lastSeen = later.at(-1)?.endedAt ?? 0
  const isUnseen = windowsSeen === 0 || lastSeen < lastEnd + recoveryMaxMs
  return { kind: isUnseen ? 'unseen' : 'not-recovered' }
}

/** L5: the system is in its steady state within 30 s after the last fault. */
export function checkRecovery(facts: Facts): Finding[] {
  if (measureRecovery(facts).kind !== 'not-recovered') return []
  const message = `no ${windowMs} ms of steady state (99 % honest, half of them served) in 30 s`
  return [{ promise: 'L5', message, ids: [] }]
}

function isHonest({ status = 0 }: Attempt): boolean {
  return status > 0 && (status < 500 || status === 503)
}

function isServed({ status = 0 }: Attempt): boolean {
  return status > 0 && status < 500 && status !== 429
}
