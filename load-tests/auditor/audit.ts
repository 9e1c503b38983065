import {
  checkAcknowledgedIsKept,
  checkDeclinedIsNotCharged,
  checkNoServerError,
  checkOneAnswer,
  checkPaidIsCaptured,
  checkRefundedIsGivenBack,
} from './checks/answers.ts'
import { checkHolds, checkMoney, checkOneCharge, checkOneRefund } from './checks/charges.ts'
import { checkAccounting, checkNothingPutAside } from './checks/dead-letters.ts'
import { checkNoLostEvent, checkNoPhantomEvent, checkOrderOfVersions } from './checks/events.ts'
import { checkLedger } from './checks/ledger.ts'
import { checkLiveness } from './checks/liveness.ts'
import { checkToldOnce } from './checks/notified-once.ts'
import { checkBooks } from './checks/reconciliation.ts'
import { checkRecovery } from './checks/recovery.ts'
import { checkRefunds } from './checks/refunds.ts'
import { checkNothingGoesBack } from './checks/states.ts'
import { checkVisibleIsPaid } from './checks/visibility.ts'
import { sometimesOf, unmetOf } from './coverage.ts'
import { type Evidence, rowsOf, type SourceName, sourceNames } from './evidence.ts'
import { type Facts, joinEvidence } from './facts.ts'
import { doubtsOf } from './inconclusive-reasons.ts'
import { withTimelines } from './timeline.ts'
import { type Finding, type Invariant, invariants, type Verdict } from './verdict.ts'

export type AuditOptions = {
  /** What must have happened for the run to prove anything: `provider.reply_withheld >= 1`. */
  sometimes?: readonly string[]
  /** What may have nothing to say, for example the log of faults of a run without faults. */
  mayBeEmpty?: readonly SourceName[]
  /**
   * Clients of this run pay at payments for publications that never were. That is no business of a
   * user, and each such payment ends as a dead letter of listings; so that is no finding.
   */
  paysDirectly?: boolean
}

const violationsMax = 50

type Check = {
  check: (facts: Facts, options: AuditOptions) => Finding[]
  /** Without one of them it would take silence for a broken promise. */
  needs: readonly SourceName[]
}

const checks: readonly Check[] = [
  { check: checkOneCharge, needs: ['provider'] },
  { check: checkOneRefund, needs: ['provider'] },
  { check: checkLedger, needs: ['payments', 'refunds', 'ledgerTransactions', 'ledgerEntries'] },
  { check: checkMoney, needs: ['provider', 'payments'] },
  { check: checkHolds, needs: ['provider'] },
  { check: checkRefunds, needs: ['provider', 'payments', 'refunds'] },
  {
    check: checkBooks,
    needs: ['provider', 'payments', 'refunds', 'ledgerTransactions', 'ledgerEntries'],
  },
  { check: checkNoLostEvent, needs: ['records'] },
  { check: checkNoPhantomEvent, needs: ['payments', 'listings', 'publications'] },
  { check: checkOrderOfVersions, needs: ['records'] },
  { check: checkVisibleIsPaid, needs: ['provider', 'listings', 'publications'] },
  { check: checkToldOnce, needs: ['deliveries', 'mails', 'faultLog'] },
  { check: checkOneAnswer, needs: ['history'] },
  { check: checkNothingGoesBack, needs: ['publications'] },
  {
    check: checkPaidIsCaptured,
    needs: ['provider', 'publications', 'paymentKeys', 'publicationKeys'],
  },
  { check: checkRefundedIsGivenBack, needs: ['provider', 'refunds', 'paymentKeys'] },
  { check: checkDeclinedIsNotCharged, needs: ['provider', 'history'] },
  { check: checkAcknowledgedIsKept, needs: ['listings', 'publications', 'payments', 'refunds'] },
  { check: checkAccounting, needs: ['records', 'listingInbox', 'notificationInbox'] },
  { check: checkNothingPutAside, needs: ['records', 'publications', 'faultLog'] },
  { check: checkNoServerError, needs: ['history'] },
  { check: checkLiveness, needs: ['quiescence', 'listings'] },
]

/**
 * Judges what the witnesses said. Pure: the same evidence gives the same verdict, whenever. A broken
 * promise is reported even where much is unknown; `true` needs every witness and all coverage.
 * @throws when a requirement of `sometimes` can not be read
 */
export function audit(evidence: Evidence, options: AuditOptions = {}): Verdict {
  const { sometimes: requirements = [], mayBeEmpty = [] } = options
  const facts = joinEvidence(evidence)
  const recovery = checkRecovery(facts)
  const isRead = (name: SourceName) => evidence[name]?.state === 'read'
  const findings = checks
    .filter(({ needs }) => needs.every(isRead))
    .flatMap(({ check }) => check(facts, options))
    .concat(recovery.findings)
  const byInvariant = Map.groupBy(findings, ({ invariant }) => invariant)
  const inOrder = Object.keys(invariants).flatMap(
    invariant => byInvariant.get(invariant as Invariant)?.slice(0, violationsMax) ?? [],
  )

  const sometimes = sometimesOf(facts)
  const unmet = unmetOf(sometimes, requirements)
  const unknown = doubtsOf(facts, mayBeEmpty)
  if (recovery.doubt !== undefined) unknown.push(recovery.doubt)
  const { recoveryMs } = recovery
  const isComplete = unmet.length === 0 && unknown.length === 0
  return {
    valid: findings.length > 0 ? false : isComplete || 'unknown',
    violations: withTimelines(facts, inOrder),
    counts: {
      violations: Object.fromEntries([...byInvariant].map(([name, all]) => [name, all.length])),
      seen: Object.fromEntries(
        sourceNames.filter(isRead).map(name => [name, rowsOf<unknown>(evidence[name]).length]),
      ),
    },
    coverage: {
      sometimes,
      unmet,
      unknown,
      unchecked: mayBeEmpty.filter(name => rowsOf<unknown>(evidence[name]).length === 0),
      ...(recoveryMs === undefined ? {} : { recoveryMs }),
    },
  }
}
