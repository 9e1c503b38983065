import type { Attempt } from '../attempts.ts'
import type { ProviderLine } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Intent } from '../intents.ts'
import type { Finding, Invariant } from '../verdict.ts'

/** S7. However often a key was used: one body can succeed, and one answer is final. */
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
      found.push(about('S7', intent, 'was told "paid" and "declined"'))
    }
    return found
  })
}

/** S8, in part: whoever was told "paid" has paid. */
export function checkPaidIsCaptured(facts: Facts): Finding[] {
  return facts.intents
    .filter(({ op, attempts }) => op !== 'refund' && attempts.some(isToldPaid))
    .filter(intent => facts.capturesOf(intent).length === 0)
    .map(intent => about('S8', intent, 'was told "paid", and the provider captured nothing'))
}

/** S8, the same the other way round: whoever was told that it is given back has it back. */
export function checkRefundedIsGivenBack(facts: Facts): Finding[] {
  return facts.intents
    .filter(
      ({ op, attempts }) => op === 'refund' && attempts.some(({ outcome }) => outcome === 'ok'),
    )
    .filter(intent => facts.refundLinesOf(intent).length === 0)
    .map(intent => about('S8', intent, 'was told "given back", and the provider gave nothing'))
}

/**
 * S9. By the answer under a key, and by what a later look at the payment said. Money that was taken all
 * the same has to be given back whole, and whoever paid it told so.
 */
export function checkDeclinedIsNotCharged(facts: Facts): Finding[] {
  const told = new Set(
    facts.attempts
      .filter(({ op, outcome }) => op === 'refund' && outcome === 'ok')
      .map(({ id }) => id),
  )
  const isKept = (captures: readonly ProviderLine[]) =>
    captures.some(({ paymentId = '', intentId, amount = 0 }) => {
      const given = facts.refundLinesByPayment.get(paymentId) ?? []
      const back = given.filter(line => line.intentId === intentId)
      return (
        !told.has(paymentId) || back.reduce((sum, line) => sum + (line.amount ?? 0), 0) < amount
      )
    })
  const answered = facts.intents
    .filter(({ attempts }) => attempts.some(isDeclined))
    .filter(intent => isKept(facts.capturesOf(intent)))
    .map(intent => about('S9', intent, 'was told "declined", and the card was charged'))
  const read = facts.attempts
    .filter(
      ({ op, outcome, res }) => op === 'read' && outcome === 'ok' && res.status === 'declined',
    )
    .map(({ id = '' }) => id)
    .filter(id => isKept(facts.capturesByPayment.get(id) ?? []))
  const seen = [...new Set(read)].map(id => ({
    invariant: 'S9' as const,
    message: `payment ${id} was shown as declined, and the card was charged`,
    ids: [id],
  }))
  return [...answered, ...seen]
}

/** S10. What was acknowledged, even as pending, is in the tables, and what was final is final there. */
export function checkAcknowledgedIsKept(facts: Facts): Finding[] {
  return facts.attempts.flatMap(attempt => {
    const { op, outcome, tenant, key, status = 0, res } = attempt
    const isAcknowledged = status >= 200 && status < 300
    if (op === 'read' || !isAcknowledged) return []
    const { kept, id } = whatIsKept(facts, attempt)
    const isKept =
      kept?.tenantId === tenant &&
      (outcome !== 'ok' || isFinal(op, kept.status, res.payment ?? res.status))
    if (isKept || id === undefined) return []
    const ids = [id, ...(key === undefined ? [] : [key])]
    const found = kept === undefined ? 'is not there' : `is ${kept.status}`
    const message = `${op} of ${id} was answered ${status}, and it ${found}`
    return [{ invariant: 'S10' as const, message, ids }]
  })
}

/** S15. A 500 is a thing that nobody thought of. */
export function checkNoServerError(facts: Facts): Finding[] {
  return facts.attempts
    .filter(({ status }) => status === 500)
    .map(({ op, proc, idx, key, id }) => ({
      invariant: 'S15',
      message: `${op} of client ${proc} (attempt ${idx}) was answered 500`,
      ids: [key, id].filter(each => each !== undefined),
    }))
}

function whatIsKept(facts: Facts, { op, res, id }: Attempt) {
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

function isFinal(op: Attempt['op'], status: string, told: string | undefined): boolean {
  if (op === 'draft') return true
  if (told === 'pending') return false
  if (op === 'refund') return status === 'succeeded'
  if (told === 'authorized') return ['authorized', 'captured', 'voided'].includes(status)
  return status === 'captured' || status === 'published'
}

/** Money that is only held is not paid. */
function isToldPaid({ outcome, res }: Attempt): boolean {
  return outcome === 'ok' && res.status !== 'authorized' && res.status !== 'voided'
}

function isDeclined({ outcome, res }: Attempt): boolean {
  return outcome === 'fail' && res.declined === true
}

function answerOf({ status, res }: Attempt): string {
  return [status, res.listingId, res.publicationId, res.paymentId, res.refundId].join(' ')
}

/** Which attempt it is, and whether it came after an answer, is no part of what was asked for. */
function bodyOf({ id, req }: Attempt): string {
  const { attempt: _, again: __, ...body } = req
  const fields = Object.entries(body).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify([id, fields])
}

function about(invariant: Invariant, intent: Intent, message: string): Finding {
  const { key, paymentIds, publicationIds, refundIds } = intent
  const ids = [key, ...publicationIds, ...paymentIds, ...refundIds]
  return { invariant, message: `key ${key} ${message}`, ids }
}
