import type { DeclineCode, DoneLine, ProviderLogLine } from '../log/provider-log-entry.ts'
import type { Act, CaptureMethod } from './operation.ts'

type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled'

/** The one table of what may be asked of an intent: where it has to stand for each act. */
export const legalFrom: Readonly<Record<Act, readonly IntentStatus[]>> = {
  confirm: ['requires_payment_method', 'requires_confirmation'],
  capture: ['requires_capture'],
  cancel: ['requires_payment_method', 'requires_confirmation', 'requires_capture'],
  refund: ['succeeded'],
}

/** An intent as it stood right after one line of the provider log; a later line makes a new one. */
export type PaymentIntent = Readonly<{
  intentId: string
  status: IntentStatus
  amount: number
  currency: string
  metadata: Readonly<Record<string, string>>
  captureMethod: CaptureMethod
  /** The kind of the test card; a decline takes it away. */
  paymentMethod: string | null
  declineCode: DeclineCode | null
  amountCapturable: number
  amountReceived: number
  amountRefunded: number
  createdAt: string
  /** When its card was last charged, well or not. */
  chargedAt: string | null
  capturedAt: string | null
  canceledAt: string | null
  cancellationReason: string | null
}>

/** Something that was done: the line that says so, and the intent as it stood right after. */
export type Deed = Readonly<{ line: DoneLine; intent: PaymentIntent }>

export function isDone(line: ProviderLogLine): line is DoneLine {
  return line.type.startsWith('intent.') || line.type.startsWith('refund.')
}

/** The intent after this line. The same lines always make the same intent, so answers can replay. */
export function applyLine(known: PaymentIntent | undefined, line: DoneLine): PaymentIntent {
  const intent = known ?? startOf(line)
  const { at, amount } = line
  const charged = { paymentMethod: line.paymentMethod, declineCode: null, chargedAt: at }
  switch (line.type) {
    case 'intent.created':
      return intent
    case 'intent.succeeded':
      return { ...intent, ...charged, ...received(line) }
    case 'intent.authorized':
      return { ...intent, ...charged, status: 'requires_capture', amountCapturable: amount }
    case 'intent.declined': {
      const { declineCode } = line
      const status = 'requires_payment_method'
      return { ...intent, status, paymentMethod: null, declineCode, chargedAt: at }
    }
    case 'intent.captured':
      return { ...intent, ...received(line) }
    case 'intent.canceled': {
      const canceled = { canceledAt: at, cancellationReason: line.reason }
      return { ...intent, status: 'canceled', amountCapturable: 0, ...canceled }
    }
    case 'refund.succeeded':
      return { ...intent, amountRefunded: intent.amountRefunded + amount }
  }
}

function received({ at, amount }: DoneLine) {
  const status = 'succeeded'
  return { status, amountReceived: amount, amountCapturable: 0, capturedAt: at } as const
}

function startOf(line: DoneLine): PaymentIntent {
  const { intentId, at, amount, currency, metadata, paymentMethod } = line
  const manual = line.act === undefined && line.captureMethod === 'manual'
  return {
    ...{ intentId, amount, currency, metadata, paymentMethod },
    status: paymentMethod === null ? 'requires_payment_method' : 'requires_confirmation',
    captureMethod: manual ? 'manual' : 'automatic',
    declineCode: null,
    ...{ amountCapturable: 0, amountReceived: 0, amountRefunded: 0 },
    ...{ createdAt: at, chargedAt: null, capturedAt: null, canceledAt: null },
    cancellationReason: null,
  }
}
