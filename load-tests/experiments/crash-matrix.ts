import type { ServiceName } from '@nightshift/local/system/secrets'
import type { CrashLabel } from '../harness/crash-points.ts'
import type { Matrix, MatrixColumn, MatrixRow } from '../runner/matrix.ts'

/** The services that have each crash point. A new crash point does not compile until it is listed here. */
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

/** The same delay as that of the test card `pm_card_late`. */
const lateRefundMs = 5_000

const paid = { answer: 'paid', charges: 1 } as const
const columns: readonly MatrixColumn[] = [
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
      healthy: { silence: 'none' },
      shownBy: 'reply.withheld',
    },
  },
  {
    name: 'silent-before',
    card: 'pm_card_silentBefore',
    ends: paid,
    atRefund: {
      settings: { silence: 'before' },
      healthy: { silence: 'none' },
      shownBy: 'request.dropped',
    },
  },
  {
    name: 'late',
    card: 'pm_card_late',
    ends: paid,
    atRefund: {
      settings: { lateMs: lateRefundMs },
      healthy: { lateMs: 0 },
      shownBy: 'request.delayed',
    },
  },
]

/** A declined card never gets here: the listing does not go live, and there is nothing to refund. */
const onlyWhenPaid = new Set([
  'refund.claimed@payments',
  'refund.begin@payments',
  'refund.answered@payments',
  'relay.published@listings',
  'event.applied@notifications',
  'mail.accepted@notifications',
])

/** Every crash point of every service, combined with every behavior of the card provider. */
export const crashMatrix: Matrix = {
  name: 'crash-matrix',
  title: 'A process dies at every place, whatever the card provider does',
  area: 'payments',
  hypothesis:
    'Wherever a process dies, the client gets the answer it would have got, the card is charged and refunded as often as that answer says, and nothing stays open.',
  rows: Object.entries(ownersOf).flatMap(([label, owners]) =>
    owners.map(owner => rowOf(label as CrashLabel, owner)),
  ),
  columns,
  isPossible: (row, column) => column.ends.answer === 'paid' || !onlyWhenPaid.has(row.name),
}

function rowOf(label: CrashLabel, owner: ServiceName): MatrixRow {
  const during = label.startsWith('refund.') ? 'refund' : 'publish'
  return { name: `${label}@${owner}`, label, owner, during }
}
