export type CaptureMethod = 'automatic' | 'manual'

type Subject = Readonly<{
  amount: number
  currency: string
  /** A refund has its own and the intent's metadata. The provider log is searched by them. */
  metadata: Readonly<Record<string, string>>
  /** This is the kind of the test card, never the token. It is null when no card is known yet. */
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

/** These operations need an intent that exists. */
export type IntentOperation = Confirmation | Capture | Cancellation | Refund
export type Action = IntentOperation['action']

/** An operation has all that is needed to carry its request out at any later time. */
export type Operation = Creation | IntentOperation
