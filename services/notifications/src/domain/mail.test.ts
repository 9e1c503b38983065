import { expect, test } from 'vitest'
import { type Delivery, mailOf } from './mail.ts'

const links = {
  confirm: () => 'http://127.0.0.1:4003/v1/confirm/c',
  unsubscribe: () => 'http://127.0.0.1:4003/v1/unsubscribe/u',
}
const listing = {
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
} as const
const delivery: Delivery = {
  kind: 'alert',
  deliveryId: '0f8fad5b-d9cb-469f-a165-70867728950e',
  recipient: { addressId: 'a', sendTo: 'ada@example.org', consentVersion: 1 },
  listing,
  attempt: 1,
  copies: 1,
  traceparent: null,
  wantedAt: new Date('2026-11-29T03:00:00Z'),
}

test('a repeated attempt sends the same mail', () => {
  expect(mailOf({ ...delivery, attempt: 3, copies: 2 }, links)).toEqual(mailOf(delivery, links))
})

test('the mails of two candidates have different ids', () => {
  const other = mailOf({ ...delivery, deliveryId: '7c9e6679-7425-40de-944b-e07fc1f90aea' }, links)
  expect(other.messageId).not.toBe(mailOf(delivery, links).messageId)
})

test('every mail has a link to unsubscribe, and an alert has it in its text', () => {
  const mail = mailOf(delivery, links)
  expect(mail.unsubscribeUrl).toBe(links.unsubscribe())
  expect(mail.text.split('\n')).toContain(links.unsubscribe())
  expect(mailOf({ ...delivery, listing: undefined }, links).unsubscribeUrl).toBeTruthy()
})

test('a confirmation mail has the link to confirm, and another kind of id than an alert', () => {
  const mail = mailOf({ ...delivery, listing: undefined }, links)
  expect(mail.messageId).toMatch(/^<confirmation\./)
  expect(mailOf(delivery, links).messageId).toMatch(/^<alert\./)
  expect(mail.text.split('\n')).toContain(links.confirm())
})

test('the text of a mail has one kind of line break', () => {
  const mixed = { ...listing, description: 'a\rb\r\nc\nd' }
  expect(mailOf({ ...delivery, listing: mixed }, links).text).toContain('\na\nb\nc\nd\n')
})
