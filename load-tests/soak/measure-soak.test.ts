import { expect, test } from 'vitest'
import type { Summary } from '../scenarios/summary.ts'
import { soakFigures } from './measure-soak.ts'
import type { Sample } from './sample.ts'

const sampleAt = (atMs: number, rows: number, memoryMiB: Sample['memoryMiB']): Sample => {
  const tables = [{ service: 'payments' as const, table: 'payments', rows, bytes: rows * 100 }]
  return { atMs, tables, bytesOf: {}, memoryMiB }
}
const samples = {
  before: sampleAt(0, 0, { payments: 100, mailbox: 50 }),
  half: sampleAt(1_000, 10, { payments: 110, mailbox: 50 }),
  after: sampleAt(2_000, 30, { payments: 120 }),
}
const summary = {
  offered: 40,
  good: 30,
  fromIntendedStartMs: { p50: 1, p95: 2, p99: 3, max: 4 },
} as Summary

test('a process that is gone at the end has no figure for it', () => {
  const { figures } = soakFigures(samples, summary)
  expect(figures).toEqual({
    payments: 30,
    goodShare: 0.75,
    p99Ms: 3,
    businessBytesPerPayment: 100,
    passingBytesPerPayment: 0,
    paymentsMiBAtHalf: 110,
    paymentsMiBAtEnd: 120,
    mailboxMiBAtHalf: 50,
  })
})

test('a run in which no answer was measured is refused, because its p99 is no number', () => {
  expect(() => soakFigures(samples, { ...summary, fromIntendedStartMs: undefined })).toThrow(
    'The run has no p99',
  )
})
