import { expect, test } from 'vitest'
import { openLog } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { requestRecorder } from './observe-requests.ts'

function linesOf(statuses: readonly number[]): { level: string; status: number }[] {
  const written: string[] = []
  const log = openLog('test', { write: line => void written.push(line) })
  const record = requestRecorder(log, createMetrics('test'))
  for (const status of statuses) {
    record({ requestId: 'r', method: 'GET', route: '/v1/listings', status, durationMs: 1 })
  }
  return written.map(line => JSON.parse(line))
}

test.each([
  [200, 'info'],
  [404, 'info'],
  [500, 'error'],
  [503, 'warn'],
] as const)('a request that was answered %i is logged as %s', (status, level) => {
  expect(linesOf([status])).toEqual([expect.objectContaining({ level, status })])
})

test('in a second with a thousand refusals every mistake of ours has its line', () => {
  const refusals = Array.from({ length: 1_000 }, () => 503)
  const mistakes = Array.from({ length: 150 }, () => 500)
  const lines = linesOf([...refusals, ...mistakes])
  expect(lines.filter(({ status }) => status === 503)).toHaveLength(100)
  expect(lines.filter(({ status }) => status === 500)).toHaveLength(150)
})
