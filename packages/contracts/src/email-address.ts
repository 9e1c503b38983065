export type ReadAddress = Readonly<{
  /** The same for every way to write the address of one mailbox. */
  identity: string
  /** Where mails are sent: the local part as it was typed, because its server may tell case apart. */
  sendTo: string
}>

const localPartMax = 64
const domainMax = 253
const domainAsciiMax = 253
const labelMax = 63

/** RFC 5321's dot-atom. Quoted local parts are refused: hardly any mailbox has one. */
const localPart = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/** Letters and digits of any script. Without this, the URL parser below would decode `%61` as well. */
const domainText = /^[\p{L}\p{M}\p{N}-]+([.\u3002][\p{L}\p{M}\p{N}-]+)+$/u
const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/**
 * Reads one plain address; undefined if it is none. A domain may be written in any script, in any
 * case and composed or not: the identity has its ASCII form (IDNA). The local part is compared
 * without regard to case, because no large mail server tells `Ada` from `ada`, and a bound that does
 * could be walked around. Dots and plus signs in it are kept: what they mean differs between servers.
 */
export function readEmailAddress(text: string): ReadAddress | undefined {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(0, at))
  const domain = text.slice(at + 1)
  // The lengths come first, so that no expression is run on a text without a bound.
  if (local.length > localPartMax || domain.length > domainMax) return undefined
  if (!localPart.test(local) || !domainText.test(domain)) return undefined
  const ascii = URL.parse(`http://${domain}/`)?.hostname
  if (ascii === undefined || !isHostName(ascii)) return undefined
  return { identity: `${local.toLowerCase()}@${ascii}`, sendTo: `${local}@${ascii}` }
}

function isHostName(domain: string): boolean {
  if (domain.length > domainAsciiMax) return false
  const labels = domain.split('.')
  // A name whose last label is a number is an IPv4 address to every URL parser.
  const last = labels.at(-1) ?? ''
  return (
    labels.length > 1 &&
    labels.every(one => one.length <= labelMax && label.test(one)) &&
    !/^\d+$/.test(last)
  )
}
