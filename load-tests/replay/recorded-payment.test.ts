import { join } from 'node:path'
import { expect, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { loadEvidence } from '../auditor/keep-evidence.ts'
import { journeyOf, rows } from '../test/auditor-evidence.ts'
import { choosePayment } from './recorded-payment.ts'

const recorded = await loadEvidence(join(import.meta.dirname, '../test/fixtures/valid-run'))

function choose(evidence: typeof recorded) {
  const verdict = audit(evidence, { paysDirectly: true })
  return { verdict, chosen: choosePayment(evidence, verdict) }
}

test('in a valid run, a payment is chosen whose answers were lost, refused or open', () => {
  const { verdict, chosen } = choose(structuredClone(recorded))
  expect(verdict.violations).toEqual([])
  expect(chosen?.broken).toEqual([])
  expect(chosen?.outOf).toBeGreaterThan(10)
  const ends = chosen?.rows.history.filter(({ type }) => type === 'info') ?? []
  expect(ends.length).toBeGreaterThan(0)
})

test('a payment for which a promise was broken is chosen before all others, with everything about it', () => {
  const evidence = structuredClone(recorded)
  const { key, payment, publication, capture, listing, mail } = journeyOf(evidence)
  rows(evidence, 'provider').push({ ...capture, seq: capture.seq + 100_000, intentId: 'pi_twice' })
  const { chosen } = choose(evidence)
  expect(chosen?.broken.map(({ promise }) => promise)).toContain('S1')
  const about = chosen?.rows
  expect(new Set(about?.history.map(line => line.key))).toEqual(new Set([key]))
  expect(about?.payments.map(row => row.paymentId)).toEqual([payment.paymentId])
  expect(about?.publications.map(row => row.publicationId)).toEqual([publication.publicationId])
  expect(about?.listings.map(row => row.listingId)).toEqual([listing.listingId])
  expect(about?.provider.filter(({ type }) => type === 'intent.succeeded')).toHaveLength(2)
  expect(about?.records.map(({ event }) => event?.type)).toEqual([
    'payment.captured',
    'listing.published',
  ])
  expect(about?.mails).toContainEqual(mail)
  // Nothing about another payment is drawn as if it belonged to this one.
  const own = new Set([payment.paymentId, publication.publicationId, listing.listingId])
  expect(about?.paymentOutbox.every(({ aggregateId }) => own.has(aggregateId))).toBe(true)
  expect(about?.provider.every(line => line.paymentId === payment.paymentId)).toBe(true)
})
