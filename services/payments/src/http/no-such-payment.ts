import type { Refusal } from '@nightshift/runtime/http/problem'

/** The same for a payment that never was and for another tenant's: nobody may learn which it is. */
export const noSuchPayment: Refusal = {
  status: 404,
  slug: 'not-found',
  title: 'There is no such payment',
}
