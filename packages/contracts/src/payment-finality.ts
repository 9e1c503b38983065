import type { PaymentStatus } from './payments-http.ts'

type Finality = Readonly<{
  /** What the request that made the payment is answered with. */
  answer: 201 | 202 | 402
  /** The outcome is known: that answer is kept under the key, and nobody asks the provider for it. */
  isAnswered: boolean
  /** Nothing can become of it any more. */
  isEnd: boolean
}>

/**
 * What a state means to whoever waits for it: the one place where it is decided what is final. A state
 * that is not here does not compile.
 */
export const finality: Readonly<Record<PaymentStatus, Finality>> = {
  pending: { answer: 202, isAnswered: false, isEnd: false },
  authorized: { answer: 201, isAnswered: true, isEnd: false },
  captured: { answer: 201, isAnswered: true, isEnd: true },
  voided: { answer: 201, isAnswered: true, isEnd: true },
  declined: { answer: 402, isAnswered: true, isEnd: true },
}
