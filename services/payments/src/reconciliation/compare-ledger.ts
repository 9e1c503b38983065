import { type Movement, type RecordName, type Records, recordNames } from './movement.ts'

/**
 * - `missing_here`: the provider moved money, and the ledger does not have the movement.
 * - `missing_there`: a record of the provider does not have a movement that another record has.
 * - `twice`: one record has the movement twice.
 * - The others: the records have different values for the movement.
 */
export type DifferenceKind =
  | 'missing_here'
  | 'missing_there'
  | 'twice'
  | 'amount'
  | 'currency'
  | 'payment'
  | 'fee'

export type Difference = Readonly<{
  kind: DifferenceKind
  movement: Movement['kind']
  id: string
  paymentId: string
  refundId: string
  /** The value in each record. It is absent where the record does not have the movement. */
  values: Readonly<Partial<Record<RecordName, string>>>
  at: string
}>

export type Comparison = Readonly<{
  /** How many movements of the period each record has. */
  counts: Readonly<Record<RecordName, number>>
  differences: readonly Difference[]
  /** Missing in the ledger, and so young that the reconciler may still post them. */
  inFlight: readonly Difference[]
}>

export type ComparePeriod = Readonly<{
  fromMs: number
  beforeMs: number
  nowMs: number
  /** A movement that is younger than this may still be on its way into the ledger. */
  inFlightMs: number
}>

/**
 * Compares the three records, movement by movement. A movement belongs to the period if any record
 * has it there. Otherwise a movement at midnight would seem missing in the record that is a moment
 * later.
 */
export function compareRecords(records: Records, period: ComparePeriod): Comparison {
  const isInPeriod = ({ atMs }: Movement) => atMs >= period.fromMs && atMs < period.beforeMs
  const byId = Map.groupBy(
    recordNames.flatMap(record => records[record].map(movement => ({ record, movement }))),
    ({ movement }) => `${movement.kind} ${movement.id}`,
  )
  const found = [...byId.values()]
    .filter(entries => entries.some(({ movement }) => isInPeriod(movement)))
    .flatMap(differencesOf)
  const isYoung = ({ kind, at }: Difference) =>
    kind === 'missing_here' && Date.parse(at) > period.nowMs - period.inFlightMs
  const countIn = (record: RecordName) => records[record].filter(isInPeriod).length
  return {
    counts: {
      ledger: countIn('ledger'),
      providerLog: countIn('providerLog'),
      settlement: countIn('settlement'),
    },
    differences: found.filter(one => !isYoung(one)),
    inFlight: found.filter(isYoung),
  }
}

type Entry = Readonly<{ record: RecordName; movement: Movement }>

function differencesOf(entries: readonly Entry[]): Difference[] {
  const [first] = entries
  if (first === undefined) return []
  const { kind: movement, id, paymentId } = first.movement
  const { refundId } = first.movement
  const at = new Date(Math.min(...entries.map(entry => entry.movement.atMs))).toISOString()
  const of = (kind: DifferenceKind, read: (one: Movement) => string | undefined) => {
    const found = entries.flatMap(entry => {
      const value = read(entry.movement)
      return value === undefined ? [] : [[entry.record, value] as const]
    })
    const isSame = new Set(found.map(([, value]) => value)).size < 2
    if (isSame && !isAboutPresence(kind)) return []
    return [{ kind, movement, id, paymentId, refundId, values: Object.fromEntries(found), at }]
  }
  const money = ({ amountCents, currency }: Movement) => `${amountCents} ${currency}`
  const present = new Set(entries.map(({ record }) => record))
  const isTwice = entries.length > present.size
  const isAtProvider = present.has('providerLog') && present.has('settlement')
  return [
    ...(present.has('ledger') ? [] : of('missing_here', money)),
    ...(isAtProvider ? [] : of('missing_there', money)),
    ...(isTwice ? of('twice', money) : []),
    ...of('amount', ({ amountCents }) => String(amountCents)),
    ...of('currency', ({ currency }) => currency),
    ...of('payment', one => `${one.paymentId} ${one.refundId}`.trim()),
    ...of('fee', ({ feeCents }) => feeCents?.toString()),
  ]
}

function isAboutPresence(kind: DifferenceKind): boolean {
  return kind === 'missing_here' || kind === 'missing_there' || kind === 'twice'
}
