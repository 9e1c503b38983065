import { expect, test } from 'vitest'
import { type Delivery, mailOf } from './mail.ts'

const delivery: Delivery = {
  deliveryId: '0f8fad5b-d9cb-469f-a165-70867728950e',
  email: 'ada@example.org',
  attempts: 0,
  traceparent: null,
  listing: {
    listingId: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
    publicationId: '7c9e6679-7425-40de-944b-e07fc1f90ae8',
    paymentId: '7c9e6679-7425-40de-944b-e07fc1f90ae9',
    title: 'Night SRE',
    company: 'Lumen',
    description: 'Keep it up.',
    area: 'europe',
    seniority: 'senior',
    salaryMinEurPerYear: 80_000,
    salaryMaxEurPerYear: 95_000,
  },
}

test('a mail that is sent again is the same mail', () => {
  expect(mailOf({ ...delivery, attempts: 3 })).toEqual(mailOf(delivery))
})

test('two candidates get two mails with ids of their own', () => {
  const other = mailOf({ ...delivery, deliveryId: '7c9e6679-7425-40de-944b-e07fc1f90aea' })
  expect(other.messageId).not.toBe(mailOf(delivery).messageId)
})
