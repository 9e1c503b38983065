export type CaptureMethod = 'automatic' | 'manual'

type Subject = Readonly<{
  amount: number
  currency: string
  /** The intent's, and beneath them a refund's own: what judges look a request up by. */
  metadata: Readonly<Record<string, string>>
  /** The kind of the test card, never the value that was sent; null: none so far. */
  paymentMethod: string | null
}>

/** A creation has no `act`: its lines are what they were when nothing else could be asked for. */
type CreateOrder = Subject &
  Readonly<{ act?: never; captureMethod?: Exclude<CaptureMethod, 'automatic'>; confirm?: false }>

type On<Act extends string> = Subject & Readonly<{ act: Act; intentId: string }>

type ConfirmOrder = On<'confirm'>
type CancelOrder = On<'cancel'> & Readonly<{ reason: string | null }>
/** With `rest`, whatever is left when it is carried out; `amount` is what was left when it came. */
type CaptureOrder = On<'capture'> & Readonly<{ rest?: true }>
type RefundOrder = On<'refund'> &
  Readonly<{
    rest?: true
    reason: string | null
    refundMetadata: Readonly<Record<string, string>>
  }>

/** Something that is asked of an intent that exists. */
export type IntentOrder = ConfirmOrder | CaptureOrder | CancelOrder | RefundOrder
export type Act = IntentOrder['act']

/** What a request asks for, whole: with it the request can be carried out at any later time. */
export type Order = CreateOrder | IntentOrder
