/** What a test card does. `kind` is all the provider log ever says about it. */
export type PaymentMethod = Readonly<{
  kind: string
  declineCode?: 'generic_decline' | 'insufficient_funds'
  /**
   * What goes wrong the first time it is used under a key: the request is lost, the answer is lost,
   * the answer is a 500, or the request is executed late.
   */
  atFirst?: 'silent_before' | 'silent_after' | 'error_after' | 'late'
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
  ['pm_card_errorAfter', { kind: 'error_after', atFirst: 'error_after' }],
  ['pm_card_late', { kind: 'late', atFirst: 'late' }],
  ['pm_card_silentAfter', { kind: 'silent_after', atFirst: 'silent_after' }],
  ['pm_card_silentBefore', { kind: 'silent_before', atFirst: 'silent_before' }],
  ['pm_card_slow', { kind: 'slow', slowMs: 1_500 }],
])

/** The test card of that name, or undefined. */
export function findPaymentMethod(name: string): PaymentMethod | undefined {
  return paymentMethods.get(name)
}

/** The test card of that kind, or undefined. */
export function findByKind(kind: string | null): PaymentMethod | undefined {
  return paymentMethods.values().find(method => method.kind === kind)
}
