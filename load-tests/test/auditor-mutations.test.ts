import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type AuditOptions, audit } from '../auditor/audit.ts'
import { type Evidence, type Rows, sourceNames } from '../auditor/evidence.ts'
import { loadEvidence } from '../auditor/keep-evidence.ts'
import { promises } from '../auditor/promises.ts'
import {
  authorizationCorruptions,
  ledgerCorruptions,
  refundCorruptions,
} from './auditor-broken-money.ts'
import {
  clientCorruptions,
  livenessCorruptions,
  visibleCorruptions,
} from './auditor-broken-promises.ts'
import { eventCorruptions, moneyCorruptions } from './auditor-broken-records.ts'
import { append, deadLetterFor, directPaymentOf, journeyOf, rows } from './auditor-evidence.ts'
import { harmlessChanges } from './auditor-harmless.ts'
import { harmlessMoney } from './auditor-harmless-money.ts'

/**
 * A run of the real system, recorded by the integration test. It has declines, a silent provider, a
 * killed service, retries, replays and direct payments.
 */
const recorded = await loadEvidence(join(import.meta.dirname, 'fixtures/valid-run'))
let evidence: Evidence

/** Some clients of the recorded run pay for publications that listings does not know. */
const judge = (judged: Evidence, options: AuditOptions = {}) =>
  audit(judged, { paysDirectly: true, ...options })

beforeEach(() => {
  evidence = structuredClone(recorded)
})

test('the recorded run is valid, and has everything that the corruptions need', () => {
  const sometimes = [
    'provider.reply_withheld',
    'crash.payments',
    'attempt.replayed',
    'dead_letter',
    'attempt.refund',
    'refund.succeeded',
    'ledger.posting.capture',
    'ledger.posting.refund',
    'payment.authorized',
    'payment.voided',
    'provider.captured',
    'provider.refund_succeeded',
  ]
  expect(judge(evidence, { sometimes })).toMatchObject({ valid: true, violations: [] })
})

describe('each corruption is reported under the promise that it breaks, and under no other', () => {
  const corruptions = [
    ...moneyCorruptions,
    ...ledgerCorruptions,
    ...refundCorruptions,
    ...authorizationCorruptions,
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

  test('every promise that the auditor checks is broken by one of them', () => {
    const { violations } = judge(evidence)
    expect(violations).toEqual([])
    const broken = new Set(corruptions.map(corruption => corruption.broken))
    const checked = promises.filter(({ checks }) => checks.length > 0)
    const checkedCodes = checked.map(({ code }) => code)
    expect([...broken].toSorted()).toEqual(checkedCodes.toSorted())
  })
})

describe('a dead letter is a finding, because a healthy run has none', () => {
  test('each payment for a publication that does not exist breaks S14 (no dead letters) once', () => {
    const letters = rows(evidence, 'records').flatMap(({ deadLetter }) => deadLetter ?? [])
    const { valid, counts } = audit(evidence)
    expect(valid).toBe(false)
    expect(counts.violations).toEqual({ S14: letters.length })
  })

  test('a dead letter that is written twice is one finding', () => {
    const letter = rows(evidence, 'records').find(({ deadLetter }) => deadLetter !== undefined)
    const before = audit(evidence).counts.violations.S14
    if (letter) append(evidence, letter)
    expect(audit(evidence).counts.violations.S14).toBe(before)
  })

  test('a batch that cannot be read is one finding, and its records count as dead-lettered', () => {
    const letter = rows(evidence, 'records').find(({ deadLetter }) => deadLetter !== undefined)
    const at = { topic: 'payments.v1', partition: 0 }
    const [first, , last] = [1, 2, 3].map(() =>
      append(evidence, { ...at, t: 0, unreadable: 'it breaks the contract of payments.v1' }),
    )
    if (!letter || !first || !last) throw new Error('the recorded run has no dead letter')
    const range = { firstOffset: first.offset, offset: last.offset }
    append(evidence, { ...letter, deadLetter: { ...at, ...range, reason: 'bad checksum' } })
    expect(judge(evidence).violations).toMatchObject([
      { promise: 'S14', message: expect.stringContaining('dead-lettered: bad checksum') },
    ])
  })

  test('another producer in the fault log excuses records that are no events, and never an event', () => {
    const t = 0
    const fault = { t, kind: 'producer', name: 'writes what is no event' }
    rows(evidence, 'faultLog').push({ ...fault, action: 'begin' }, { ...fault, action: 'end' })
    append(evidence, deadLetterFor(journeyOf(evidence).paymentRecord, 'it is of another tenant'))
    expect(judge(evidence).counts.violations).toEqual({ S14: 1 })
  })

  test('clients that pay directly excuse no dead letter about a publication that exists', () => {
    const { paymentRecord, payment } = journeyOf(evidence)
    append(evidence, deadLetterFor(paymentRecord, 'the amount is another'))
    const { violations } = judge(evidence)
    expect(violations).toMatchObject([
      { promise: 'S14', message: expect.stringContaining('the amount is another') },
    ])
    expect(violations[0]?.ids).toContain(payment.paymentId)
  })
})

describe('what happens on a normal day in production is not reported', () => {
  test.each([...harmlessChanges, ...harmlessMoney])('$name', ({ change }) => {
    change(evidence)
    const verdict = judge(evidence)
    expect(verdict).toMatchObject({ violations: [], coverage: { inconclusive: [] } })
    expect(verdict.valid).toBe(true)
  })
})

describe('an empty or missing source never makes a run valid', () => {
  test.each(sourceNames)('%s is empty', name => {
    Object.assign(evidence, { [name]: { state: 'read', rows: [], problems: [] } })
    expect(judge(evidence).valid).not.toBe(true)
  })

  test.each(sourceNames)('%s is missing', name => {
    Object.assign(evidence, { [name]: { state: 'missing', why: 'it did not answer' } })
    expect(judge(evidence)).toMatchObject({ valid: 'unknown', violations: [] })
    expect(judge(evidence, { mayBeEmpty: sourceNames }).valid).toBe('unknown')
  })

  test.each(sourceNames)('%s has problems', name => {
    Object.assign(evidence[name], { problems: ['line 7 is not JSON'] })
    const { valid, coverage } = judge(evidence)
    expect({ valid, inconclusive: coverage.inconclusive }).toEqual({
      valid: 'unknown',
      inconclusive: ['line 7 is not JSON'],
    })
  })

  test('a line that was removed from a numbered log is missed', () => {
    rows(evidence, 'provider').splice(0, 1)
    expect(judge(evidence).valid).not.toBe(true)
  })

  test('a record that was not read is missed', () => {
    const partition = rows(evidence, 'partitions')[0]
    if (partition) partition.end += 1
    expect(judge(evidence).valid).toBe('unknown')
  })

  test('records that a topic has forgotten before their time make the verdict unknown', () => {
    const partition = rows(evidence, 'partitions').find(({ topic }) => topic === 'payments.v1')
    if (!partition) throw new Error('the recorded run has no partition')
    partition.start = Math.floor(partition.end / 2)
    const isGone = ({ topic, partition: of, offset }: Rows['records']) =>
      topic === partition.topic && of === partition.partition && offset < partition.start
    Object.assign(evidence.records, { rows: rows(evidence, 'records').filter(one => !isGone(one)) })
    const { valid, violations, coverage } = judge(evidence)
    expect({ valid, violations }).toEqual({ valid: 'unknown', violations: [] })
    expect(coverage.inconclusive).toEqual([
      `payments.v1/0: the records before offset ${partition.start} are gone before their time`,
    ])
  })

  test('a fault that never ended makes the verdict unknown', () => {
    rows(evidence, 'faultLog').push({ t: 0, kind: 'proxy', action: 'begin', name: 'redis' })
    expect(judge(evidence).coverage.inconclusive).toEqual(['fault proxy redis never ended'])
  })

  test('an attempt with two ends makes the verdict unknown', () => {
    rows(evidence, 'history').push({ ...directPaymentOf(evidence).answer })
    expect(judge(evidence).valid).toBe('unknown')
  })
})

describe('coverage', () => {
  test('a requirement that did not come true makes the verdict unknown, and is named', () => {
    const verdict = judge(evidence, { sometimes: ['crash.payments >= 1', 'crash.listings'] })
    expect(verdict.valid).toBe('unknown')
    expect(verdict.coverage.unmet).toEqual(['crash.listings >= 1, and it was 0'])
  })

  test('a broken promise is reported even if a requirement did not come true', () => {
    livenessCorruptions[0]?.corrupt(evidence)
    expect(judge(evidence, { sometimes: ['crash.listings'] }).valid).toBe(false)
  })

  test('a requirement that cannot be parsed is refused', () => {
    expect(() => judge(evidence, { sometimes: ['crash.payments > 0'] })).toThrow('of the form')
  })
})

test('an event that is younger than its row breaks no promise, but only while the system is not at rest', () => {
  directPaymentOf(evidence).payment.status = 'pending'
  const broken = () => Object.keys(judge(evidence).counts.violations)
  expect(broken()).toContain('S4b')
  const left = { promise: 'L1' as const, what: 'a payment is pending', ids: [] }
  for (const rest of rows(evidence, 'quiescence')) rest.remaining = [left]
  expect(broken()).not.toContain('S4b')
})

test('at most fifty violations of a promise are listed, and all are counted', () => {
  const attempts = rows(evidence, 'history').filter(({ type }) => type !== 'invoke')
  for (const line of attempts) if (line.type === 'info') line.status = 500
  const { violations, counts } = judge(evidence)
  expect(violations.filter(({ promise }) => promise === 'S15')).toHaveLength(50)
  expect(counts.violations.S15).toBeGreaterThan(50)
})

test('a violation has a timeline from all sources, in the order of time', () => {
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
