import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FaultLogLine, MailLine, ProviderLine } from '../evidence.ts'

const stamped = { at: Type.String(), seq: Type.Integer({ minimum: 1 }), type: Type.String() }

const truth = Compile(
  Type.Object({
    ...stamped,
    intentId: Type.Optional(Type.String()),
    refundId: Type.Optional(Type.String()),
    amount: Type.Optional(Type.Integer()),
    currency: Type.Optional(Type.String()),
    metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
    replayed: Type.Optional(Type.Boolean()),
    count: Type.Optional(Type.Integer({ minimum: 1 })),
    cause: Type.Optional(Type.String()),
  }),
)

/** Undefined when it is no line of a provider log. A type that we do not know is kept, as a line. */
export function providerLine(value: unknown): ProviderLine | undefined {
  if (!truth.Check(value)) return undefined
  const { at, seq, type, metadata, ...rest } = value
  const {
    payment_id: paymentId,
    publication_id: publicationId,
    tenant_id: tenantId,
    refund_id: refundId,
  } = metadata ?? {}
  const { intentId, refundId: providerRefundId, amount, currency, replayed, cause, count } = rest
  const ids = { intentId, paymentId, publicationId, tenantId, refundId, providerRefundId }
  const facts = { ...ids, amount, currency, replayed, cause, count }
  return { t: Date.parse(at), seq, type, ...present(facts) }
}

const mail = Compile(
  Type.Object({
    ...stamped,
    messageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    to: Type.Optional(Type.Array(Type.String())),
    text: Type.Optional(Type.String()),
  }),
)
const listingInText = /^Listing ([0-9a-f-]{36})\./m

/** Undefined when it is no line of a mail log. */
export function mailLine(
  value: unknown,
  digestOf: (address: string) => string,
): MailLine | undefined {
  if (!mail.Check(value)) return undefined
  const { at, seq, type, messageId = null, to = [], text = '' } = value
  const listingId = listingInText.exec(text)?.[1]
  const kind = messageId?.startsWith('<confirmation.') ? ('confirmation' as const) : undefined
  const line = { t: Date.parse(at), seq, type, messageId, recipients: to.map(digestOf) }
  return { ...line, ...present({ listingId, kind }) }
}

const fault = Compile(
  Type.Object({
    at: Type.String(),
    kind: Type.String(),
    action: Type.String(),
    process: Type.Optional(Type.String()),
    proxy: Type.Optional(Type.String()),
    toxic: Type.Optional(Type.Object({ name: Type.String() })),
    name: Type.Optional(Type.String()),
    signal: Type.Optional(Type.String()),
  }),
)

/** Undefined when it is no line about a fault. */
export function faultLogLine(value: unknown): FaultLogLine | undefined {
  if (!fault.Check(value)) return undefined
  const { at, kind, action, process, proxy, toxic, name, signal } = value
  const hurt = [process, proxy, toxic?.name, name].filter(part => part !== undefined).join('/')
  return { t: Date.parse(at), kind, action, name: hurt, ...present({ signal }) }
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** Without the fields that are not there, so that a row is the same before and after a file. */
function present<T extends object>(fields: T): Present<T> {
  const there = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(there) as Present<T>
}
