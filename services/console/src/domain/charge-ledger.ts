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

type Charge = DoubleCharge['charges'][number]

const moved = new Set(['intent.succeeded', 'intent.captured'])

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
    if (!moved.has(type)) return
    count += 1
    const { publication_id: publication, payment_id: payment } = metadata
    const what = publication === undefined ? `payment ${payment}` : `publication ${publication}`
    const same = [...(charges.get(what) ?? []), { at, idempotencyKey: idempotencyKey ?? 'none' }]
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
    doubles: () => [...doubles.values()],
  }
}

export type ChargeLedger = ReturnType<typeof openChargeLedger>
