import type { DeadLetterOptions } from './checks/dead-letters.ts'
import { measureRecovery } from './checks/recovery.ts'
import { sometimesOf, unmetOf } from './coverage.ts'
import { type Evidence, rowsOf, type SourceName, sourceNames } from './evidence.ts'
import { joinEvidence } from './facts.ts'
import { inconclusiveReasons } from './inconclusive-reasons.ts'
import { promises } from './promises.ts'
import { withTimelines } from './timeline.ts'
import { promiseCodes, type Verdict } from './verdict.ts'

export type AuditOptions = DeadLetterOptions & {
  /** Events without which the run proves nothing: `provider.reply_withheld >= 1`. */
  sometimes?: readonly string[]
  /** Sources that may be empty, for example the fault log of a run without faults. */
  mayBeEmpty?: readonly SourceName[]
}

const violationsMax = 50

/** Several promises share a check, which runs once. */
const checks = new Set(promises.flatMap(promise => promise.checks))

/**
 * Judges the evidence. The function is pure: the same evidence always gives the same verdict. A broken
 * promise is reported even where much is unknown. The verdict `true` needs every source and every
 * requirement.
 * @throws when a requirement of `sometimes` cannot be parsed
 */
export function audit(evidence: Evidence, options: AuditOptions = {}): Verdict {
  const { sometimes: requirements = [], mayBeEmpty = [] } = options
  const facts = joinEvidence(evidence)
  const isRead = (name: SourceName) => evidence[name]?.state === 'read'
  const findings = [...checks]
    .filter(({ needs }) => needs.every(isRead))
    .flatMap(({ check }) => check(facts, options))
  const byPromise = Map.groupBy(findings, ({ promise }) => promise)
  const reported = promiseCodes.flatMap(code => byPromise.get(code)?.slice(0, violationsMax) ?? [])

  const sometimes = sometimesOf(facts)
  const unmet = unmetOf(sometimes, requirements)
  const inconclusive = inconclusiveReasons(facts, mayBeEmpty)
  const recovery = measureRecovery(facts)
  const isConclusive = unmet.length === 0 && inconclusive.length === 0
  return {
    valid: findings.length > 0 ? false : isConclusive || 'unknown',
    violations: withTimelines(facts, reported),
    counts: {
      violations: Object.fromEntries([...byPromise].map(([code, all]) => [code, all.length])),
      seen: Object.fromEntries(
        sourceNames.filter(isRead).map(name => [name, rowsOf<unknown>(evidence[name]).length]),
      ),
    },
    coverage: {
      sometimes,
      unmet,
      inconclusive,
      unchecked: mayBeEmpty.filter(name => rowsOf<unknown>(evidence[name]).length === 0),
      ...(recovery.kind === 'recovered' ? { recoveryMs: recovery.afterMs } : {}),
    },
  }
}
