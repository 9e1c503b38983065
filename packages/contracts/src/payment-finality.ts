import type { PaymentStatus } from './payments-http.ts'

type Finality = Readonly<{
  /** The HTTP status of the answer to the request that made the payment. */
  answer: 201 | 202 | 402
  /**
   * The outcome is known. The answer is stored under the key, and the provider is not asked again.
   */
  isAnswered: boolean
}>

/**
 * What each state means to a caller that waits for the payment. This is the one place that decides
 * what is final. A state that is missing here does not compile.
 */
export const finality: Readonly<Record<PaymentStatus, Finality>> = {
  pending: { answer: 202, isAnswered: false },
  authorized: { answer: 201, isAnswered: true },
  captured: { answer: 201, isAnswered: true },
  voided: { answer: 201, isAnswered: true },
  declined: { answer: 402, isAnswered: true },
}
