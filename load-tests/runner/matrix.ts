import type { ServiceName } from '@nightshift/local/system/secrets'
import type { CrashLabel } from '../harness/crash-points.ts'
import type { Area } from './experiment.ts'

/** A crash point of one service. Two services may have a crash point of the same name. */
export type MatrixRow = Readonly<{
  name: string
  label: CrashLabel
  owner: ServiceName
  /** The request during which the service dies. Before a refund, the listing is published without a fault. */
  during: 'publish' | 'refund'
}>

/** One behavior of the card provider, and how a publication has to end with it, whichever service dies. */
export type MatrixColumn = Readonly<{
  name: string
  card: string
  ends: ExpectedEnd
  /** The same behavior for a refund, which has no card that could trigger it. Unset: no fault. */
  atRefund?: ProviderFault
}>

/** A fault of the provider that ends when it has met one request: a test card affects one request, too. */
export type ProviderFault = Readonly<{
  settings: Readonly<Record<string, string | number>>
  /** The same settings without the fault. */
  healthy: Readonly<Record<string, string | number>>
  /** The type of the provider log line that shows the fault. */
  shownBy: 'reply.withheld' | 'request.dropped' | 'request.delayed'
}>

type ExpectedEnd = Readonly<{ answer: FinalAnswer; charges: number }>

/** The last answer to the client. `open`: the client gave up without a final answer. */
export type FinalAnswer = 'paid' | 'declined' | 'refunded' | 'open'

export type MatrixCase = Readonly<{
  row: MatrixRow
  column: MatrixColumn
  /** False when this crash point cannot be reached with this behavior. The case runs all the same. */
  isPossible: boolean
}>

/**
 * Every crash point, combined with every behavior of the card provider: one publication for each case.
 * It has no naive arm, because it is a table of outcomes. Each pattern has an experiment of its own.
 */
export type Matrix = Readonly<{
  name: string
  title: string
  area: Area
  hypothesis: string
  rows: readonly MatrixRow[]
  columns: readonly MatrixColumn[]
  isPossible: (row: MatrixRow, column: MatrixColumn) => boolean
}>

/** The required end of a case. A declined payment cannot be refunded, so a refund changes nothing there. */
export function expectedEnd({ row, column }: Pick<MatrixCase, 'row' | 'column'>): ExpectedEnd & {
  refunds: number
} {
  const { ends } = column
  if (row.during === 'publish' || ends.answer !== 'paid') return { ...ends, refunds: 0 }
  return { answer: 'refunded', charges: ends.charges, refunds: 1 }
}

/** Every case, row by row. */
export function casesOf({ rows, columns, isPossible }: Matrix): MatrixCase[] {
  return rows.flatMap(row =>
    columns.map(column => ({ row, column, isPossible: isPossible(row, column) })),
  )
}

/** One possible case of each row, with the columns in turn: the short form takes a minute. */
export function sampleOf({ rows, columns, isPossible }: Matrix): MatrixCase[] {
  return rows.flatMap((row, turn) => {
    const shifted = columns.map((_, index) => columns[(index + turn) % columns.length])
    const column = shifted.find(one => one !== undefined && isPossible(row, one))
    return column === undefined ? [] : [{ row, column, isPossible: true }]
  })
}
