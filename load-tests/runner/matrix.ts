import type { ServiceName } from '@nightshift/local/system/secrets'
import type { CrashLabel } from '../harness/crash-points.ts'
import type { Area } from './experiment.ts'

/** A place at which one service dies. Two services may have a place of the same name. */
export type GridRow = Readonly<{
  name: string
  label: CrashLabel
  owner: ServiceName
  /** While what is asked for; before a refund the listing is published, and nobody dies then. */
  during: 'publish' | 'refund'
}>

/** What the card provider does, and how a publication has to end then, whoever dies meanwhile. */
export type GridColumn = Readonly<{
  name: string
  card: string
  ends: CellEnd
  /** The same behaviour in a refund, which has no card to bring it along; absent: nothing odd. */
  atRefund?: ProviderFault
}>

/** Turned on before, and to rest as soon as it has met one request, as a card meets only its first. */
export type ProviderFault = Readonly<{
  settings: Readonly<Record<string, string | number>>
  rest: Readonly<Record<string, string | number>>
  /** The line of the provider log that says so. */
  shownBy: string
}>

type CellEnd = Readonly<{ answer: CellAnswer; charges: number }>

/** What a client was told in the end; `open` when it gave up asking. */
export type CellAnswer = 'paid' | 'declined' | 'refunded' | 'open'

export type Cell = Readonly<{
  row: GridRow
  column: GridColumn
  /** False when this place is never reached this way: known before, and checked all the same. */
  isPossible: boolean
}>

/**
 * One publication for each cell. It has no naive arm: it is a table of outcomes and not a figure,
 * and what each pattern is worth has an experiment of its own.
 */
export type Grid = Readonly<{
  name: string
  title: string
  area: Area
  hypothesis: string
  rows: readonly GridRow[]
  columns: readonly GridColumn[]
  isPossible: (row: GridRow, column: GridColumn) => boolean
}>

/** How a cell has to end. What was declined can't be given back, so there the refund changes nothing. */
export function endOf({ row, column }: Pick<Cell, 'row' | 'column'>): CellEnd & {
  refunds: number
} {
  const { ends } = column
  if (row.during === 'publish' || ends.answer !== 'paid') return { ...ends, refunds: 0 }
  return { answer: 'refunded', charges: ends.charges, refunds: 1 }
}

/** Every cell, row by row. */
export function cellsOf({ rows, columns, isPossible }: Grid): Cell[] {
  return rows.flatMap(row =>
    columns.map(column => ({ row, column, isPossible: isPossible(row, column) })),
  )
}

/** One possible cell of each row, with the columns taking turns: for a look that takes a minute. */
export function sampleOf({ rows, columns, isPossible }: Grid): Cell[] {
  return rows.flatMap((row, turn) => {
    const shifted = columns.map((_, index) => columns[(index + turn) % columns.length])
    const column = shifted.find(one => one !== undefined && isPossible(row, one))
    return column === undefined ? [] : [{ row, column, isPossible: true }]
  })
}
