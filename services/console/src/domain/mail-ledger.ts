import type { MailLine } from '@nightshift/load-tests/auditor/evidence'

/** One address was told about one listing by mails that are not copies of each other. */
export type DoubleMail = Readonly<{ listingId: string; mails: readonly string[] }>

/** The Message-ID of a mail about a listing names its delivery. */
const deliveryInId = /^<alert\.([0-9a-f-]{36})@/

/**
 * Counts the mails about each listing to each address, from what the mail server has received (S6).
 * @param rememberedMax the oldest are forgotten first, so that a long load does not fill the memory
 */
export function openMailLedger(rememberedMax: number) {
  /** The names of the mails by listing and recipient. */
  const mails = new Map<string, readonly string[]>()
  const deliveries = new Set<string>()
  const doubles = new Map<string, DoubleMail>()
  let lastSeq = 0
  let count = 0
  let sinceMs: number | undefined

  function add({ t, seq, messageId, recipients, listingId }: MailLine): void {
    sinceMs ??= t
    lastSeq = seq
    count += 1
    // A mail without a Message-ID cannot be recognized as a copy, so it counts as another mail.
    const name = messageId ?? `mail ${seq}`
    deliveries.add(deliveryInId.exec(name)?.[1] ?? name)
    for (const recipient of recipients) {
      if (listingId !== undefined) addAbout(listingId, recipient, name)
    }
    forgetOldest(deliveries)
    forgetOldest(mails)
  }

  function addAbout(listingId: string, recipient: string, name: string): void {
    const what = `${listingId} ${recipient}`
    const same = new Set([...(mails.get(what) ?? []), name])
    mails.set(what, [...same])
    if (same.size > 1) doubles.set(what, { listingId, mails: [...same] })
  }

  function forgetOldest(of: Map<string, unknown> | Set<string>): void {
    for (const oldest of of.keys()) {
      if (of.size <= rememberedMax) break
      of.delete(oldest)
    }
  }

  return {
    add: (received: readonly MailLine[]) => received.forEach(add),
    /** Where to read on. */
    lastSeq: () => lastSeq,
    count: () => count,
    /** The time of the first mail that was read, in epoch milliseconds. Earlier ones are not known here. */
    sinceMs: () => sinceMs,
    hasDelivery: (deliveryId: string) => deliveries.has(deliveryId),
    doubles: () => [...doubles.values()],
  }
}

export type MailLedger = ReturnType<typeof openMailLedger>
