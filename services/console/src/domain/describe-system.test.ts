import { expect, test } from 'vitest'
import { callsOver, figuresOf, type Scrapes } from './describe-system.ts'
import { parseMetrics } from './metrics-text.ts'

function scrapes(before: string, now: string): Scrapes {
  const earlier = parseMetrics(before, 0)
  return { earlier, before: earlier, now: parseMetrics(now, 1_000) }
}

const requests = 'http_server_request_duration_seconds_count'
const paymentRoute = 'method="POST",route="/v1/payments"'

test('paid, refused and failed are told apart', () => {
  const payments = scrapes(
    '',
    [
      `${requests}{${paymentRoute},status="201"} 6`,
      `${requests}{${paymentRoute},status="402"} 1`,
      `${requests}{${paymentRoute},status="503"} 4`,
      `${requests}{method="GET",route="/v1/payments",status="429"} 2`,
      `${requests}{method="GET",route="/v1/payments",status="500"} 1`,
      'backlog_open 3',
      'payments_oldest_open_seconds 12',
      'nodejs_eventloop_lag_seconds 0.004',
    ].join('\n'),
  )
  expect(figuresOf({ payments }, 700)).toMatchObject({
    paid: 6,
    refused: 6,
    failed: 1,
    openPayments: 3,
    oldestOpenSeconds: 12,
    loopLagMs: 4,
    memoryMiB: 700,
  })
})

test('what was not seen is null, and never 0', () => {
  const figures = figuresOf({}, undefined)
  expect(Object.values(figures).every(value => value === null)).toBe(true)
})

test('the calls over a link are those of its caller, with its breaker', () => {
  const calls = 'dependency_call_duration_seconds'
  const payments = scrapes(
    `${calls}_count{dependency="card-provider",outcome="ok"} 10`,
    [
      `${calls}_count{dependency="card-provider",outcome="ok"} 13`,
      `${calls}_count{dependency="card-provider",outcome="failed"} 2`,
      `${calls}_bucket{dependency="card-provider",outcome="ok",le="0.1"} 3`,
      `${calls}_bucket{dependency="card-provider",outcome="ok",le="+Inf"} 3`,
      'breaker_state{dependency="card-provider"} 1',
    ].join('\n'),
  )
  const calls5 = callsOver('payments-provider', { payments })
  expect(calls5).toMatchObject({ perSecond: 5, failedPerSecond: 2, breaker: 1 })
  expect(calls5.p99Ms).toBeCloseTo(99)
  expect(callsOver('payments-provider', {})).toEqual({})
  expect(callsOver('payments-postgres', { payments })).toEqual({})
})
