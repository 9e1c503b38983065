/** A test card decides how its charge ends. The provider log names only its `kind`. */
export type TestCard = Readonly<{
  kind: string
  declineCode?: 'generic_decline' | 'insufficient_funds'
  /**
   * The first request with this card under a key meets this fault: the request is lost, the answer
   * is lost, the answer is a 500, or the request is executed late.
   */
  atFirst?: 'silent_before' | 'silent_after' | 'error_after' | 'late'
  slowMs?: number
}>

/** A caller can name these payment methods. No other one exists here. */
const testCards: ReadonlyMap<string, TestCard> = new Map<string, TestCard>([
  ['pm_card_visa', { kind: 'visa' }],
  ['pm_card_chargeDeclined', { kind: 'declined', declineCode: 'generic_decline' }],
  [
    'pm_card_chargeDeclinedInsufficientFunds',
    { kind: 'insufficient_funds', declineCode: 'insufficient_funds' },
  ],
  ['pm_card_errorAfter', { kind: 'error_after', atFirst: 'error_after' }],
  ['pm_card_late', { kind: 'late', atFirst: 'late' }],
  ['pm_card_silentAfter', { kind: 'silent_after', atFirst: 'silent_after' }],
  ['pm_card_silentBefore', { kind: 'silent_before', atFirst: 'silent_before' }],
  ['pm_card_slow', { kind: 'slow', slowMs: 1_500 }],
])

export function findTestCard(paymentMethod: string): TestCard | undefined {
  return testCards.get(paymentMethod)
}

export function findTestCardByKind(kind: string | null): TestCard | undefined {
  return testCards.values().find(card => card.kind === kind)
}
