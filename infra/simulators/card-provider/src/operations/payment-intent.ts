import type { DeclineCode, OperationLine, ProviderLogLine } from '../log/provider-log-entry.ts'
import type { Action, CaptureMethod } from './operation.ts'

type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled'

/** Each action is possible from these statuses. */
export const allowedFrom: Readonly<Record<Action, readonly IntentStatus[]>> = {
  confirm: ['requires_payment_method', 'requires_confirmation'],
  capture: ['requires_capture'],
  cancel: ['requires_payment_method', 'requires_confirmation', 'requires_capture'],
  refund: ['succeeded'],
}

/** This is an intent right after one line of the log. Each later line makes a new object. */
export type PaymentIntent = Readonly<{
  intentId: string
  status: IntentStatus
  amount: number
  currency: string
  metadata: Readonly<Record<string, string>>
  captureMethod: CaptureMethod
  /** This is the kind of the test card. A decline removes it. */
  paymentMethod: string | null
  declineCode: DeclineCode | null
  amountCapturable: number
  amountReceived: number
  amountRefunded: number
  createdAt: string
  /** The last charge was at this time, whether it succeeded or was declined. */
  chargedAt: string | null
  capturedAt: string | null
  canceledAt: string | null
  cancellationReason: string | null
}>

/** Holds the log line of an operation that was carried out, and the intent right after it. */
export type CompletedOperation = Readonly<{ line: OperationLine; intent: PaymentIntent }>

export function isOperation(line: ProviderLogLine): line is OperationLine {
  return line.type.startsWith('intent.') || line.type.startsWith('refund.')
}

/** Applies a line to an intent. The same lines always make the same intent, so answers can replay. */
export function applyLine(known: PaymentIntent | undefined, line: OperationLine): PaymentIntent {
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

function received({ at, amount }: OperationLine) {
  const status = 'succeeded'
  return { status, amountReceived: amount, amountCapturable: 0, capturedAt: at } as const
}

function startOf(line: OperationLine): PaymentIntent {
  const { intentId, at, amount, currency, metadata, paymentMethod } = line
  const isManual = line.action === undefined && line.captureMethod === 'manual'
  return {
    intentId,
    status: paymentMethod === null ? 'requires_payment_method' : 'requires_confirmation',
    amount,
    currency,
    metadata,
    captureMethod: isManual ? 'manual' : 'automatic',
    paymentMethod,
    declineCode: null,
    amountCapturable: 0,
    amountReceived: 0,
    amountRefunded: 0,
    createdAt: at,
    chargedAt: null,
    capturedAt: null,
    canceledAt: null,
    cancellationReason: null,
  }
}
