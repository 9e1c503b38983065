import { forgetOldEvents } from '@nightshift/patterns/inbox/inbox'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { limits } from '../limits.ts'
import { deleteAddressesWithoutConsent } from './addresses.ts'
import { deleteOldAnnouncements } from './announcements.ts'
import { deleteOldConfirmations } from './deliveries.ts'

/** A job for each table, so that one that fails does not hold up the others. */
export function oldRowsJobs(
  db: Queryable,
  {
    eventsKeptDays,
    announcementsKeptDays,
    addressesKeptDays,
    rowsMax,
    idleMs,
  }: Readonly<Record<keyof (typeof limits)['oldRows'], number>>,
) {
  const rounds = { batchMax: rowsMax, idleMs }
  return [
    {
      name: 'forget-old-events',
      runOnce: () => forgetOldEvents(db, eventsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-old-announcements',
      runOnce: () => deleteOldAnnouncements(db, announcementsKeptDays, rowsMax),
      // How much a round deletes depends on how many mails a listing has. It goes on while it finds any.
      batchMax: 1,
      idleMs,
    },
    {
      name: 'delete-old-confirmations',
      runOnce: () => deleteOldConfirmations(db, announcementsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-addresses-without-consent',
      runOnce: () => deleteAddressesWithoutConsent(db, addressesKeptDays, rowsMax),
      ...rounds,
    },
  ]
}
