import { isCapture } from '@nightshift/load-tests/auditor/facts'

/** A line of the card provider's own log, as far as the console reads it. */
export type ProviderLine = Readonly<{
  seq: number
  at: string
  type: string
  idempotencyKey?: string | null
  metadata?: Readonly<Record<string, string>>
}>

/** A charge that was made too often, with what the provider wrote down about it. */
export type DoubleCharge = Readonly<{
  what: string
  charges: readonly Readonly<{ at: string; idempotencyKey: string }>[]
}>

/** A charge that is so old that it must have had its consequences here. */
export type AgedCharge = Readonly<{ paymentId: string; publicationId?: string }>

/** What became of charges that are so old that all of it should have happened. */
export type Followed = Readonly<{
  /** The number of charges that were looked at. */
  looked: number
  /** Payments that were charged, and are not in our ledger. */
  unbooked: readonly string[]
  /** Publications that were charged, and are not live. */
  notLive: readonly string[]
  /** Listings that are live, and whose candidates were not found. */
  unannounced: readonly string[]
  /** Mails about live listings, by the ids of their deliveries. */
  mailsWaiting: readonly string[]
  mailsSent: readonly string[]
}>

type Charge = DoubleCharge['charges'][number] & AgedCharge

/**
 * Counts the charges of each publication and of each payment, from the provider's own log alone (S1). A
 * payment without a publication was made directly.
 * @param rememberedMax the oldest are forgotten first, so that a long load does not fill the memory
 */
export function openChargeLedger(rememberedMax: number) {
  const charges = new Map<string, Charge[]>()
  const doubles = new Map<string, DoubleCharge>()
  let lastSeq = 0
  let count = 0

  function add({ seq, type, at, idempotencyKey, metadata = {} }: ProviderLine): void {
    lastSeq = Math.max(lastSeq, seq)
    if (!isCapture({ type })) return
    count += 1
    const { publication_id: publication, payment_id: payment } = metadata
    const what = publication === undefined ? `payment ${payment}` : `publication ${publication}`
    const charge = {
      at,
      idempotencyKey: idempotencyKey ?? 'none',
      paymentId: payment ?? '',
      ...(publication !== undefined && { publicationId: publication }),
    }
    const same = [...(charges.get(what) ?? []), charge]
    charges.set(what, same)
    if (same.length > 1) doubles.set(what, { what, charges: same })
    for (const oldest of charges.keys()) {
      if (charges.size <= rememberedMax) break
      charges.delete(oldest)
    }
  }

  return {
    add: (lines: readonly ProviderLine[]) => lines.forEach(add),
    /** Where to read on. */
    lastSeq: () => lastSeq,
    count: () => count,
    /**
     * Charges of a span of time, the newest first.
     * @param most no more than these
     */
    between(fromMs: number, untilMs: number, most: number): AgedCharge[] {
      const found: AgedCharge[] = []
      for (const charge of [...charges.values()].flat().toReversed()) {
        const at = Date.parse(charge.at)
        if (found.length >= most) break
        if (at >= fromMs && at <= untilMs && charge.paymentId !== '') found.push(charge)
      }
      return found
    },
    doubles: () => [...doubles.values()],
  }
}

export type ChargeLedger = ReturnType<typeof openChargeLedger>
