import { captureEntries, type Entry } from './ledger.ts'
import { type Payment, type Settlement, settled } from './payment.ts'

/** What a settlement makes of a payment, and what of it belongs into the ledger. */
export function changeOf(
  payment: Payment,
  settlement: Settlement,
): { after: Payment; entries: readonly Entry[] } {
  const after = settled(payment, settlement)
  const isCapture = settlement.kind === 'captured'
  return { after, entries: isCapture ? captureEntries(after, settlement.feeCents) : [] }
}
