export type CaptureMethod = 'automatic' | 'manual'

type Subject = Readonly<{
  amount: number
  currency: string
  /** The intent's metadata, together with a refund's own. The provider log is searched by them. */
  metadata: Readonly<Record<string, string>>
  /** The kind of the test card, never the token that was sent. Null when no card is known yet. */
  paymentMethod: string | null
}>

/** A creation has no `action`. */
type Creation = Subject &
  Readonly<{ action?: never; captureMethod?: Exclude<CaptureMethod, 'automatic'>; confirm?: false }>

type OnIntent<Name extends string> = Subject & Readonly<{ action: Name; intentId: string }>

type Confirmation = OnIntent<'confirm'>
type Cancellation = OnIntent<'cancel'> & Readonly<{ reason: string | null }>
/**
 * With `rest` the operation takes what is left when it is carried out. `amount` is then what was
 * left when the request came in.
 */
type Capture = OnIntent<'capture'> & Readonly<{ rest?: true }>
type Refund = OnIntent<'refund'> &
  Readonly<{
    rest?: true
    reason: string | null
    refundMetadata: Readonly<Record<string, string>>
  }>

/** An operation on an intent that exists. */
export type IntentOperation = Confirmation | Capture | Cancellation | Refund
export type Action = IntentOperation['action']

/** Everything that a request asks for. It is enough to carry the request out at any later time. */
export type Operation = Creation | IntentOperation
