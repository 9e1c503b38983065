import { forgetOldEvents } from '@nightshift/patterns/inbox/inbox'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { limits } from '../limits.ts'
import {
  deleteAddressesWithoutConsent,
  deleteOldAnnouncements,
  deleteOldDeliveries,
} from './old-rows.ts'

/** A job for each table, so that one that fails does not hold up the others. */
export function deleteOldRows(
  db: Queryable,
  {
    eventsKeptDays,
    announcementsKeptDays,
    addressesKeptDays,
    rowsMax,
    idleMs,
  }: (typeof limits)['oldRows'],
) {
  const rounds = { batchMax: rowsMax, idleMs }
  return [
    {
      name: 'forget-old-events',
      runOnce: () => forgetOldEvents(db, eventsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-old-deliveries',
      runOnce: () => deleteOldDeliveries(db, announcementsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-old-announcements',
      runOnce: () => deleteOldAnnouncements(db, announcementsKeptDays, rowsMax),
      ...rounds,
    },
    {
      name: 'delete-addresses-without-consent',
      runOnce: () => deleteAddressesWithoutConsent(db, addressesKeptDays, rowsMax),
      ...rounds,
    },
  ]
}
