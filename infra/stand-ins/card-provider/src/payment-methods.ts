/** What a test card does. `kind` is all the truth log ever says about it. */
export type PaymentMethod = Readonly<{
  kind: string
  declineCode?: 'generic_decline' | 'insufficient_funds'
  /** Which half of the conversation is lost, the first time it is used under a key. */
  silentAtFirst?: 'before' | 'after'
  slowMs?: number
}>

/** The cards a person can type. Whatever is not here does not exist. */
const paymentMethods: ReadonlyMap<string, PaymentMethod> = new Map<string, PaymentMethod>([
  ['pm_card_visa', { kind: 'visa' }],
  ['pm_card_chargeDeclined', { kind: 'declined', declineCode: 'generic_decline' }],
  [
    'pm_card_chargeDeclinedInsufficientFunds',
    { kind: 'insufficient_funds', declineCode: 'insufficient_funds' },
  ],
  ['pm_card_silentAfter', { kind: 'silent_after', silentAtFirst: 'after' }],
  ['pm_card_silentBefore', { kind: 'silent_before', silentAtFirst: 'before' }],
  ['pm_card_slow', { kind: 'slow', slowMs: 1_500 }],
])

/** The test card of that name, or undefined. */
export function findPaymentMethod(name: string): PaymentMethod | undefined {
  return paymentMethods.get(name)
}
