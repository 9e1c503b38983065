import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type AuditOptions, audit } from '../auditor/audit.ts'
import { type Evidence, sourceNames } from '../auditor/evidence.ts'
import { loadEvidence } from '../auditor/keep-evidence.ts'
import { invariants } from '../auditor/verdict.ts'
import { booksCorruptions, holdCorruptions, refundCorruptions } from './auditor-broken-money.ts'
import {
  clientCorruptions,
  livenessCorruptions,
  visibleCorruptions,
} from './auditor-broken-promises.ts'
import { eventCorruptions, moneyCorruptions } from './auditor-broken-records.ts'
import { append, directPaymentOf, journeyOf, letterAbout, rows } from './auditor-evidence.ts'
import { harmlessChanges } from './auditor-harmless.ts'
import { harmlessMoney } from './auditor-harmless-money.ts'

/**
 * A run of the real system that was recorded by the driver of the integration test: declines, a
 * silent provider, a killed service, retries, replays, direct payments.
 */
const recorded = await loadEvidence(join(import.meta.dirname, 'fixtures/valid-run'))
let evidence: Evidence

/** As its driver would ask: among its clients are some that pay for publications that never were. */
const judge = (spoken: Evidence, options: AuditOptions = {}) =>
  audit(spoken, { paysDirectly: true, ...options })

beforeEach(() => {
  evidence = structuredClone(recorded)
})

test('the recorded run is valid, and says what happened in it', () => {
  const sometimes = [
    ...['provider.reply_withheld', 'crash.payments', 'attempt.replayed', 'dead_letter'],
    ...['attempt.refund', 'refund.succeeded', 'ledger.posting.capture', 'ledger.posting.refund'],
    ...['payment.authorized', 'payment.voided', 'provider.captured', 'provider.refund_succeeded'],
  ]
  expect(judge(evidence, { sometimes })).toMatchObject({ valid: true, violations: [] })
})

describe('what is broken is reported, under its own name and with nothing that is not broken', () => {
  const corruptions = [
    ...moneyCorruptions,
    ...booksCorruptions,
    ...refundCorruptions,
    ...holdCorruptions,
    ...eventCorruptions,
    ...visibleCorruptions,
    ...clientCorruptions,
    ...livenessCorruptions,
  ]

  test.each(corruptions)('$broken: $name', ({ broken, alsoBroken = [], corrupt }) => {
    corrupt(evidence)
    const verdict = judge(evidence)
    expect(verdict.valid).toBe(false)
    const found = Object.keys(verdict.counts.violations)
    expect(found.toSorted()).toEqual([broken, ...alsoBroken].toSorted())
  })

  test('every invariant that is checked is broken by one of them', () => {
    const { violations } = judge(evidence)
    expect(violations).toEqual([])
    const broken = new Set(corruptions.map(corruption => corruption.broken))
    expect([...broken].toSorted()).toEqual(Object.keys(invariants).toSorted())
  })
})

describe('a dead letter is a finding, because in a healthy run there is none', () => {
  test('a payment for what does not exist breaks S14, once for each', () => {
    const letters = rows(evidence, 'records').flatMap(({ deadLetter }) => deadLetter ?? [])
    const { valid, counts } = audit(evidence)
    expect(valid).toBe(false)
    expect(counts.violations).toEqual({ S14: letters.length })
  })

  test('one that is written twice is one finding', () => {
    const letter = rows(evidence, 'records').find(({ deadLetter }) => deadLetter !== undefined)
    const before = audit(evidence).counts.violations.S14
    if (letter) append(evidence, letter)
    expect(audit(evidence).counts.violations.S14).toBe(before)
  })

  test('a batch that can not be read is one finding, and none of its records is lost', () => {
    const letter = rows(evidence, 'records').find(({ deadLetter }) => deadLetter !== undefined)
    const at = { topic: 'payments.v1', partition: 0 }
    const [first, , last] = [1, 2, 3].map(() =>
      append(evidence, { ...at, t: 0, unreadable: 'it breaks the contract of payments.v1' }),
    )
    if (!letter || !first || !last) throw new Error('the recorded run has no dead letter')
    const range = { firstOffset: first.offset, offset: last.offset }
    append(evidence, { ...letter, deadLetter: { ...at, ...range, reason: 'bad checksum' } })
    expect(judge(evidence).violations).toMatchObject([
      { invariant: 'S14', message: expect.stringContaining('put aside: bad checksum') },
    ])
  })

  test('that another producer wrote excuses no event: only what is none', () => {
    const t = 0
    const fault = { t, kind: 'producer', name: 'writes what is no event' }
    rows(evidence, 'faultLog').push({ ...fault, action: 'begin' }, { ...fault, action: 'end' })
    append(evidence, letterAbout(journeyOf(evidence).paymentRecord, 'it is of another tenant'))
    expect(judge(evidence).counts.violations).toEqual({ S14: 1 })
  })

  test('that clients pay directly excuses no other: one for a publication that exists is named', () => {
    const { paymentRecord, payment } = journeyOf(evidence)
    append(evidence, letterAbout(paymentRecord, 'the amount is another'))
    const { violations } = judge(evidence)
    expect(violations).toMatchObject([
      { invariant: 'S14', message: expect.stringContaining('the amount is another') },
    ])
    expect(violations[0]?.ids).toContain(payment.paymentId)
  })
})

describe('what belongs to a day in production is not reported', () => {
  test.each([...harmlessChanges, ...harmlessMoney])('$name', ({ change }) => {
    change(evidence)
    const verdict = judge(evidence)
    expect(verdict).toMatchObject({ violations: [], coverage: { unknown: [] } })
    expect(verdict.valid).toBe(true)
  })
})

describe('nothing passes because a witness has nothing to say', () => {
  test.each(sourceNames)('%s is empty', name => {
    Object.assign(evidence, { [name]: { state: 'read', rows: [], problems: [] } })
    expect(judge(evidence).valid).not.toBe(true)
  })

  test.each(sourceNames)('%s is missing', name => {
    Object.assign(evidence, { [name]: { state: 'missing', why: 'it did not answer' } })
    expect(judge(evidence)).toMatchObject({ valid: 'unknown', violations: [] })
    expect(judge(evidence, { mayBeEmpty: sourceNames }).valid).toBe('unknown')
  })

  test.each(sourceNames)('%s is doubtful', name => {
    Object.assign(evidence[name], { problems: ['line 7 is not JSON'] })
    const { valid, coverage } = judge(evidence)
    expect({ valid, unknown: coverage.unknown }).toEqual({
      valid: 'unknown',
      unknown: ['line 7 is not JSON'],
    })
  })

  test('a line that was taken out of a log that counts its lines is missed', () => {
    rows(evidence, 'provider').splice(0, 1)
    expect(judge(evidence).valid).not.toBe(true)
  })

  test('a record that was not read is missed', () => {
    const partition = rows(evidence, 'partitions')[0]
    if (partition) partition.end += 1
    expect(judge(evidence).valid).toBe('unknown')
  })

  test('a fault that never ended leaves its end unknown', () => {
    rows(evidence, 'faultLog').push({ t: 0, kind: 'proxy', action: 'begin', name: 'redis' })
    expect(judge(evidence).coverage.unknown).toEqual(['fault proxy redis never ended'])
  })

  test('an attempt with two ends is no history', () => {
    rows(evidence, 'history').push({ ...directPaymentOf(evidence).told })
    expect(judge(evidence).valid).toBe('unknown')
  })
})

describe('coverage', () => {
  test('what did not happen while it should have makes the verdict unknown, and is named', () => {
    const verdict = judge(evidence, { sometimes: ['crash.payments >= 1', 'crash.listings'] })
    expect(verdict.valid).toBe('unknown')
    expect(verdict.coverage.unmet).toEqual(['crash.listings >= 1, and it was 0'])
  })

  test('a broken promise is broken, whatever was not seen', () => {
    livenessCorruptions[0]?.corrupt(evidence)
    expect(judge(evidence, { sometimes: ['crash.listings'] }).valid).toBe(false)
  })

  test('a requirement that can not be read is refused', () => {
    expect(() => judge(evidence, { sometimes: ['crash.payments > 0'] })).toThrow('of the form')
  })
})

test('at most fifty violations of a kind are told in full, and all are counted', () => {
  const attempts = rows(evidence, 'history').filter(({ type }) => type !== 'invoke')
  for (const line of attempts) if (line.type === 'info') line.status = 500
  const { violations, counts } = judge(evidence)
  expect(violations.filter(({ invariant }) => invariant === 'S15')).toHaveLength(50)
  expect(counts.violations.S15).toBeGreaterThan(50)
})

test('a violation comes with what every witness said, in the order of time', () => {
  moneyCorruptions[0]?.corrupt(evidence)
  const timeline = judge(evidence).violations[0]?.timeline ?? []
  expect(new Set(timeline.map(({ source }) => source))).toEqual(
    new Set([
      'history',
      'provider',
      'payments',
      'ledgerTransactions',
      'paymentOutbox',
      'publications',
      'records',
      'listingInbox',
      'listings',
      'listingOutbox',
      'notificationInbox',
      'deliveries',
      'mails',
    ]),
  )
  expect(timeline.map(({ t }) => t)).toEqual(timeline.map(({ t }) => t).toSorted((a, b) => a - b))
})
