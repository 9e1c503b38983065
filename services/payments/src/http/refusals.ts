import type { Refusal } from '@nightshift/runtime/http/problem'

/** The same for another tenant's payment as for none, so that nobody can find out which it is. */
export const noSuchPayment: Refusal = {
  status: 404,
  slug: 'not-found',
  title: 'There is no such payment',
}

export const noSuchPlace: Refusal = {
  status: 400,
  slug: 'validation-error',
  title: 'The request does not have the form that is expected',
  errors: [{ pointer: '/after', message: 'must be the nextAfter of a page' }],
}
