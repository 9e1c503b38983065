import type { Refusal } from '@nightshift/runtime/http/problem'

/** The answer is the same for another tenant's payment, so that no caller learns that it exists. */
export const noSuchPayment: Refusal = {
  status: 404,
  slug: 'not-found',
  title: 'There is no such payment',
}

export const unknownCursor: Refusal = {
  status: 400,
  slug: 'validation-error',
  title: 'The request does not have the expected form',
  errors: [{ pointer: '/after', message: 'must be the nextAfter of a page' }],
}
