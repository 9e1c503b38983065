import { type BookName, type Books, bookNames, type Movement } from './movement.ts'

/**
 * `missing_here`: the provider moved money and the ledger does not have it. `missing_there`: the ledger
 * has what one of the provider's books does not, or these two differ. The others: all have it, and
 * say different things.
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
  /** What each book says of it; absent where it does not have it. */
  says: Readonly<Partial<Record<BookName, string>>>
  at: string
}>

export type Comparison = Readonly<{
  /** Movements of the period, by book. */
  counts: Readonly<Record<BookName, number>>
  differences: readonly Difference[]
  /** Not here yet, and so young that whoever asks the provider again may be just about to. */
  inFlight: readonly Difference[]
}>

export type ComparePeriod = Readonly<{
  fromMs: number
  beforeMs: number
  /** What is younger than `inFlightMs` may still be on its way into the ledger. */
  nowMs: number
  inFlightMs: number
}>

/**
 * Holds three books against each other, movement by movement. A movement belongs to the period if any
 * book has it there, so that one at midnight is not missed in the book that wrote it down a moment
 * later. Pure.
 */
export function compareBooks(books: Books, period: ComparePeriod): Comparison {
  const isInPeriod = ({ atMs }: Movement) => atMs >= period.fromMs && atMs < period.beforeMs
  const byId = Map.groupBy(
    bookNames.flatMap(book => books[book].map(movement => ({ book, movement }))),
    ({ movement }) => `${movement.kind} ${movement.id}`,
  )
  const found = [...byId.values()]
    .filter(entries => entries.some(({ movement }) => isInPeriod(movement)))
    .flatMap(differencesOf)
  const isYoung = ({ kind, at }: Difference) =>
    kind === 'missing_here' && Date.parse(at) > period.nowMs - period.inFlightMs
  const countIn = (book: BookName) => books[book].filter(isInPeriod).length
  return {
    counts: {
      ledger: countIn('ledger'),
      truth: countIn('truth'),
      settlement: countIn('settlement'),
    },
    differences: found.filter(one => !isYoung(one)),
    inFlight: found.filter(isYoung),
  }
}

type Entry = Readonly<{ book: BookName; movement: Movement }>

function differencesOf(entries: readonly Entry[]): Difference[] {
  const [first] = entries
  if (first === undefined) return []
  const { kind: movement, id, paymentId } = first.movement
  const { refundId } = first.movement
  const at = new Date(Math.min(...entries.map(entry => entry.movement.atMs))).toISOString()
  const of = (kind: DifferenceKind, say: (one: Movement) => string | undefined): Difference[] => {
    const said = entries.flatMap(({ book, movement: one }) => {
      const text = say(one)
      return text === undefined ? [] : [[book, text] as const]
    })
    const isSame = new Set(said.map(([, text]) => text)).size < 2
    if (isSame && !isAboutPresence(kind)) return []
    return [{ kind, movement, id, paymentId, refundId, says: Object.fromEntries(said), at }]
  }
  const money = ({ amountCents, currency }: Movement) => `${amountCents} ${currency}`
  const has = new Set(entries.map(({ book }) => book))
  const isTwice = entries.length > has.size
  return [
    ...(has.has('ledger') ? [] : of('missing_here', money)),
    ...(has.has('truth') && has.has('settlement') ? [] : of('missing_there', money)),
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
