export type ReadAddress = Readonly<{
  /** The same for every spelling of the address of one mailbox. */
  identity: string
  /**
   * Where mails are sent. The local part stays as typed, because its server may distinguish case.
   */
  sendTo: string
}>

const localPartMax = 64
const domainMax = 253
const domainAsciiMax = 253
const labelMax = 63

/** RFC 5321's dot-atom. Quoted local parts are refused: hardly any mailbox has one. */
const localPart = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/
/**
 * Letters and digits of any script. Anything else is refused, or the URL parser would decode `%61`.
 */
const domainText = /^[\p{L}\p{M}\p{N}-]+([.\u3002][\p{L}\p{M}\p{N}-]+)+$/u
const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/**
 * Reads one plain address; undefined if the text is none. A domain may be written in any script, in
 * any case, composed or not: the identity has its ASCII form (IDNA). The local part is compared
 * without case, because no large mail server distinguishes `Ada` from `ada`: a limit per address
 * could otherwise be evaded. Dots and plus signs are kept, because their meaning differs by server.
 */
export function readEmailAddress(text: string): ReadAddress | undefined {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(0, at))
  const domain = text.slice(at + 1)
  // The lengths come first, so that no regular expression runs on unbounded text.
  if (local.length > localPartMax || domain.length > domainMax) return undefined
  if (!localPart.test(local) || !domainText.test(domain)) return undefined
  const ascii = URL.parse(`http://${domain}/`)?.hostname
  if (ascii === undefined || !isHostName(ascii)) return undefined
  return { identity: `${local.toLowerCase()}@${ascii}`, sendTo: `${local}@${ascii}` }
}

function isHostName(domain: string): boolean {
  if (domain.length > domainAsciiMax) return false
  const labels = domain.split('.')
  // URL parsers take a name whose last label is a number for an IPv4 address.
  const last = labels.at(-1) ?? ''
  return (
    labels.length > 1 &&
    labels.every(one => one.length <= labelMax && label.test(one)) &&
    !/^\d+$/.test(last)
  )
}
