import type { Attempt } from '../attempts.ts'
import type { ProviderLine } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Intent } from '../intents.ts'
import type { Finding, PromiseCode } from '../verdict.ts'

/** S7: one key has one answer, and the same key never succeeds with another body. */
export function checkOneAnswer(facts: Facts): Finding[] {
  return facts.intents.flatMap(intent => {
    const ok = intent.attempts.filter(({ outcome }) => outcome === 'ok')
    const answers = new Set(ok.map(answerOf))
    const bodies = new Set(ok.map(bodyOf))
    const found: Finding[] = []
    if (answers.size > 1) {
      found.push(about('S7', intent, `was answered in ${answers.size} ways`))
    }
    if (bodies.size > 1) {
      found.push(about('S7', intent, `succeeded with ${bodies.size} different requests`))
    }
    if (ok.length > 0 && intent.attempts.some(isDeclined)) {
      found.push(about('S7', intent, 'was answered "paid" and "declined"'))
    }
    return found
  })
}

/** S8 in part: a client that was told "paid" has paid. */
export function checkPaidIsCaptured(facts: Facts): Finding[] {
  return facts.intents
    .filter(({ op, attempts }) => op !== 'refund' && attempts.some(isAnsweredPaid))
    .filter(intent => facts.capturesOf(intent).length === 0)
    .map(intent => about('S8', intent, 'was answered "paid", and the provider captured nothing'))
}

/** S8 in part: a client that was told "refunded" has its money back. */
export function checkRefundedIsGivenBack(facts: Facts): Finding[] {
  return facts.intents
    .filter(
      ({ op, attempts }) => op === 'refund' && attempts.some(({ outcome }) => outcome === 'ok'),
    )
    .filter(intent => facts.refundLinesOf(intent).length === 0)
    .map(intent =>
      about('S8', intent, 'was answered "refunded", and the provider refunded nothing'),
    )
}

/**
 * S9: a client that was told "declined" was never charged, or was refunded in full and told about it.
 * It was told by the answer under its key, or by a later read of the payment.
 */
export function checkDeclinedIsNotCharged(facts: Facts): Finding[] {
  const toldRefunded = new Set(
    facts.attempts
      .filter(({ op, outcome }) => op === 'refund' && outcome === 'ok')
      .map(({ id }) => id),
  )
  const areKept = (captures: readonly ProviderLine[]) =>
    captures.some(({ paymentId = '', intentId, amount = 0 }) => {
      const refunds = facts.refundLinesByPayment.get(paymentId) ?? []
      const refunded = refunds
        .filter(line => line.intentId === intentId)
        .reduce((sum, line) => sum + (line.amount ?? 0), 0)
      return !toldRefunded.has(paymentId) || refunded < amount
    })
  const answered = facts.intents
    .filter(({ attempts }) => attempts.some(isDeclined))
    .filter(intent => areKept(facts.capturesOf(intent)))
    .map(intent => about('S9', intent, 'was answered "declined", and the card was charged'))
  const readAsDeclined = facts.attempts
    .filter(
      ({ op, outcome, res }) => op === 'read' && outcome === 'ok' && res.status === 'declined',
    )
    .map(({ id = '' }) => id)
    .filter(id => areKept(facts.capturesByPayment.get(id) ?? []))
  const seen = [...new Set(readAsDeclined)].map(id => ({
    promise: 'S9' as const,
    message: `payment ${id} was shown as declined, and the card was charged`,
    ids: [id],
  }))
  return [...answered, ...seen]
}

/** S10: nothing that was acknowledged is lost. A final answer must be final in the tables, too. */
export function checkAcknowledgedIsKept(facts: Facts): Finding[] {
  return facts.attempts.flatMap(attempt => {
    const { op, outcome, tenant, key, status = 0, res } = attempt
    const isAcknowledged = status >= 200 && status < 300
    if (op === 'read' || !isAcknowledged) return []
    const { kept, id } = acknowledgedRow(facts, attempt)
    const isKept =
      kept?.tenantId === tenant &&
      (outcome !== 'ok' || isFinal(op, kept.status, res.payment ?? res.status))
    if (isKept || id === undefined) return []
    const ids = [id, ...(key === undefined ? [] : [key])]
    const found = kept === undefined ? 'is not there' : `is ${kept.status}`
    const message = `${op} of ${id} was answered ${status}, and it ${found}`
    return [{ promise: 'S10' as const, message, ids }]
  })
}

/** S15 in part: no answer is a 500, because a 500 means that the code did not foresee something. */
export function checkNoServerError(facts: Facts): Finding[] {
  return facts.attempts
    .filter(({ status }) => status === 500)
    .map(({ op, proc, idx, key, id }) => ({
      promise: 'S15',
      message: `${op} of client ${proc} (attempt ${idx}) was answered 500`,
      ids: [key, id].filter(each => each !== undefined),
    }))
}

/** The row that must exist after the answer to this attempt. */
function acknowledgedRow(facts: Facts, { op, res, id }: Attempt) {
  if (op === 'draft') {
    const listingId = res.listingId ?? id
    return { id: listingId, kept: facts.listingById.get(listingId ?? '') }
  }
  if (op === 'publish') {
    const { publicationId } = res
    return { id: publicationId, kept: facts.publicationById.get(publicationId ?? '') }
  }
  if (op === 'refund') {
    const { refundId } = res
    return { id: refundId, kept: facts.refundById.get(refundId ?? '') }
  }
  const { paymentId } = res
  return { id: paymentId, kept: facts.paymentById.get(paymentId ?? '') }
}

function isFinal(op: Attempt['op'], status: string, answered: string | undefined): boolean {
  if (op === 'draft') return true
  if (answered === 'pending') return false
  if (op === 'refund') return status === 'succeeded'
  if (answered === 'authorized') return ['authorized', 'captured', 'voided'].includes(status)
  return status === 'captured' || status === 'published'
}

/** An authorization is not a payment. */
function isAnsweredPaid({ outcome, res }: Attempt): boolean {
  return outcome === 'ok' && res.status !== 'authorized' && res.status !== 'voided'
}

function isDeclined({ outcome, res }: Attempt): boolean {
  return outcome === 'fail' && res.declined === true
}

function answerOf({ status, res }: Attempt): string {
  return [status, res.listingId, res.publicationId, res.paymentId, res.refundId].join(' ')
}

/** The recorded request without the two fields that describe the attempt. */
function bodyOf({ id, req }: Attempt): string {
  const { attempt: _, again: __, ...body } = req
  const fields = Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([id, fields])
}

function about(promise: PromiseCode, intent: Intent, message: string): Finding {
  const { key, paymentIds, publicationIds, refundIds } = intent
  const ids = [key, ...publicationIds, ...paymentIds, ...refundIds]
  return { promise, message: `key ${key} ${message}`, ids }
}
