import type { ServiceName } from '@nightshift/local/system/secrets'
import type { CrashLabel } from '../harness/crash-points.ts'
import type { Grid, GridColumn, GridRow } from '../runner/matrix.ts'

/** Which services can die where. A new label does not compile until it is here. */
const ownersOf: Readonly<Record<CrashLabel, readonly ServiceName[]>> = {
  'payment.claimed': ['payments'],
  'charge.begin': ['payments'],
  'charge.answered': ['payments'],
  'settle.begin': ['payments'],
  'outbox.committed': ['payments', 'listings'],
  'relay.published': ['payments', 'listings'],
  'refund.claimed': ['payments'],
  'refund.begin': ['payments'],
  'refund.answered': ['payments'],
  'publication.claimed': ['listings'],
  'pay.begin': ['listings'],
  'pay.answered': ['listings'],
  'event.applied': ['listings', 'notifications'],
  'mail.accepted': ['notifications'],
}

/** As late as the card that is charged late. */
const lateRefundMs = 5_000

const paid = { answer: 'paid', charges: 1 } as const
const columns: readonly GridColumn[] = [
  { name: 'ok', card: 'pm_card_visa', ends: paid },
  {
    name: 'decline',
    card: 'pm_card_chargeDeclined',
    ends: { answer: 'declined', charges: 0 },
  },
  {
    name: 'silent-after',
    card: 'pm_card_silentAfter',
    ends: paid,
    atRefund: {
      settings: { silence: 'after' },
      rest: { silence: 'none' },
      shownBy: 'reply.withheld',
    },
  },
  {
    name: 'silent-before',
    card: 'pm_card_silentBefore',
    ends: paid,
    atRefund: {
      settings: { silence: 'before' },
      rest: { silence: 'none' },
      shownBy: 'request.dropped',
    },
  },
  {
    name: 'late',
    card: 'pm_card_late',
    ends: paid,
    atRefund: {
      settings: { lateMs: lateRefundMs },
      rest: { lateMs: 0 },
      shownBy: 'request.delayed',
    },
  },
]

/** Reached only by a listing that goes live, or by money that can be given back: never after a decline. */
const onlyWhenPaid = new Set([
  'refund.claimed@payments',
  'refund.begin@payments',
  'refund.answered@payments',
  'relay.published@listings',
  'event.applied@notifications',
  'mail.accepted@notifications',
])

/** Every place at which a process can die, met by everything that the card provider can do. */
export const crashMatrix: Grid = {
  name: 'crash-matrix',
  title: 'A process dies at every place, whatever the card provider does',
  area: 'payments',
  hypothesis:
    'Wherever a process dies, the client gets the answer it would have got, the card is charged and the money given back as often as that answer says, and nothing stays open.',
  rows: Object.entries(ownersOf).flatMap(([label, owners]) =>
    owners.map(owner => rowOf(label as CrashLabel, owner)),
  ),
  columns,
  isPossible: (row, column) => column.ends.answer === 'paid' || !onlyWhenPaid.has(row.name),
}

function rowOf(label: CrashLabel, owner: ServiceName): GridRow {
  const during = label.startsWith('refund.') ? 'refund' : 'publish'
  return { name: `${label}@${owner}`, label, owner, during }
}
