import { createHash } from 'node:crypto'
import { domainToASCII } from 'node:url'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { FaultLogLine, MailLine, ProviderLine } from '../evidence.ts'

const stamped = { at: Type.String(), seq: Type.Integer({ minimum: 1 }), type: Type.String() }

const providerSchema = Compile(
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

/** Undefined when the value is no line of a provider log. A line of an unknown type is kept. */
export function providerLine(value: unknown): ProviderLine | undefined {
  if (!providerSchema.Check(value)) return undefined
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

const mailSchema = Compile(
  Type.Object({
    ...stamped,
    messageId: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    to: Type.Optional(Type.Array(Type.String())),
    text: Type.Optional(Type.String()),
  }),
)
/** Names the listing of a mail. The description before it is an employer's, and may have such a line, too. */
const listingInText = /^Listing ([0-9a-f-]{36})\./gm

/** Undefined when the value is no line of a mail log. */
export function mailLine(value: unknown): MailLine | undefined {
  if (!mailSchema.Check(value)) return undefined
  const { at, seq, type, messageId = null, to = [], text = '' } = value
  const listingId = [...text.matchAll(listingInText)].at(-1)?.[1]
  const kind = messageId?.startsWith('<confirmation.') ? ('confirmation' as const) : undefined
  const line = { t: Date.parse(at), seq, type, messageId, recipients: to.map(addressDigest) }
  return { ...line, ...present({ listingId, kind }) }
}

const digestLength = 16

/**
 * Stands for an address: two digests can be compared, and no mail can be sent to one. A mail server may
 * write a domain in Unicode or in ASCII, and in any case; all of them have the same digest.
 */
export function addressDigest(address: string): string {
  const at = address.lastIndexOf('@')
  const domain = domainToASCII(address.slice(at + 1)) || address.slice(at + 1)
  const normalized = `${address.slice(0, at + 1)}${domain}`.toLowerCase()
  return createHash('sha256').update(normalized).digest('hex').slice(0, digestLength)
}

const faultSchema = Compile(
  Type.Object({
    at: Type.String(),
    kind: Type.String(),
    action: Type.String(),
    process: Type.Optional(Type.String()),
    proxy: Type.Optional(Type.String()),
    toxic: Type.Optional(Type.Object({ name: Type.String() })),
    name: Type.Optional(Type.String()),
    signal: Type.Optional(Type.String()),
    stillOpen: Type.Optional(Type.Integer()),
  }),
)

/** Undefined when the value is no line of a fault log. */
export function faultLogLine(value: unknown): FaultLogLine | undefined {
  if (!faultSchema.Check(value)) return undefined
  const { at, kind, action, process, proxy, toxic, name, signal, stillOpen } = value
  const target = [process, proxy, toxic?.name, name].filter(part => part !== undefined).join('/')
  return { t: Date.parse(at), kind, action, name: target, ...present({ signal, stillOpen }) }
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> }

/** Drops undefined fields, so that a row is the same before it is written to a file and after. */
function present<T extends object>(fields: T): Present<T> {
  const defined = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Object.fromEntries(defined) as Present<T>
}
