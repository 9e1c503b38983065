import type { Attempt } from '../attempts.ts'
import { rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import { faultsOf } from '../faults.ts'
import type { Finding } from '../verdict.ts'

const recoveryMaxMs = 30_000
const windowMs = 5_000
const stepMs = 1_000
/** Fewer would let one lucky answer speak for the system. */
const attemptsMin = 5
const honestShareMin = 0.99
/** A 503 is honest, but a system that refuses everybody is not well. */
const servedShareMin = 0.5

export type Recovery = { findings: Finding[]; doubt?: string; recoveryMs?: number }

/**
 * L5: within 30 s after the last fault ended there is a window in which 99 % of what clients were
 * told was honest: paid, refused for now, declined or not known yet, anything but silence and the
 * other 5xx; and in which at least half of it was no refusal for now.
 * Without clients after the fault, or without any, nobody knows.
 */
export function checkRecovery(facts: Facts): Recovery {
  const { lastEnd } = faultsOf(rowsOf(facts.evidence.faultLog))
  if (lastEnd === undefined) return { findings: [] }
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
    const isWell = honest >= honestShareMin && served >= servedShareMin
    if (isWell) return { findings: [], recoveryMs: afterMs }
  }
  const lastSeen = later.at(-1)?.endedAt ?? 0
  if (windowsSeen === 0 || lastSeen < lastEnd + recoveryMaxMs) {
    return { findings: [], doubt: 'L5: too few clients asked after the last fault to see recovery' }
  }
  const message = `no ${windowMs} ms of steady state (99 % honest, half of them served) in 30 s`
  return { findings: [{ invariant: 'L5', message, ids: [] }] }
}

function isHonest({ status = 0 }: Attempt): boolean {
  return status > 0 && (status < 500 || status === 503)
}

function isServed({ status = 0 }: Attempt): boolean {
  return status > 0 && status < 500 && status !== 429
}
