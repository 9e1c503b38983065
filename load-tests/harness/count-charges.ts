import { type Evidence, rowsOf } from '../auditor/evidence.ts'

/** Of what clients wanted to pay directly: how often they wanted it, and how often it was charged. */
export function countCharges(evidence: Evidence) {
  const wanted = rowsOf(evidence.history)
    .filter(line => line.op === 'pay')
    .map(line => String(line.req['publicationId']))
  const charges = new Map([...new Set(wanted)].map(publicationId => [publicationId, 0]))
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
