import { type Evidence, type HistoryLine, rowsOf } from '../auditor/evidence.ts'

/** How many intents to pay the clients had, and how often the provider charged for each. */
export function countCharges(evidence: Evidence) {
  const charges = new Map([...intentsToPay(evidence)].map(id => [id, 0]))
  for (const { type, publicationId = '' } of rowsOf(evidence.provider)) {
    const before = charges.get(publicationId)
    if (type === 'intent.succeeded' && before !== undefined) charges.set(publicationId, before + 1)
  }
  const counts = [...charges.values()]
  return {
    intents: counts.length,
    charges: counts.reduce((sum, count) => sum + count, 0),
    chargedTooOften: counts.reduce((sum, count) => sum + Math.max(0, count - 1), 0),
    intentsChargedTooOften: counts.filter(count => count > 1).length,
  }
}

/** How many clients were told "declined" although the provider charged the card. */
export function countDeclinedButCharged(evidence: Evidence) {
  const charged = new Set(
    rowsOf(evidence.provider)
      .filter(({ type }) => type === 'intent.succeeded')
      .map(({ publicationId }) => publicationId),
  )
  const declined = intentsToPay(evidence, ({ res }) => res?.declined === true)
  return {
    intents: intentsToPay(evidence).size,
    toldDeclinedButCharged: [...declined].filter(id => charged.has(id)).length,
  }
}

/** How many clients were told "declined". An experiment in which all cards are good wants none. */
export function countToldDeclined(evidence: Evidence) {
  return {
    intents: intentsToPay(evidence).size,
    toldDeclined: intentsToPay(evidence, ({ res }) => res?.declined === true).size,
  }
}

/** A client that pays at payments names a new publication in each intent, which tells them apart. */
function intentsToPay(
  evidence: Evidence,
  matches: (line: HistoryLine) => boolean = () => true,
): Set<string> {
  const lines = rowsOf(evidence.history).filter(line => line.op === 'pay' && matches(line))
  return new Set(lines.map(({ req }) => String(req['publicationId'])))
}
