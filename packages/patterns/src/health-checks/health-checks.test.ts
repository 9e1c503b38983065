import { buildOperationsServer } from '@nightshift/runtime/http/operations-server'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'
import { describe, expect, test } from 'vitest'
import { askThisProcessOnly } from './health-checks.ts'
import { askEveryDependency } from './naive.ts'
import type { HealthChecks } from './types.ts'

type Condition = { isServing: boolean; status: 'ok' | 'degraded' }

/** The statuses that a supervisor and a proxy see, and how often the dependencies were asked. */
async function seen(checks: HealthChecks, { isServing, status }: Condition) {
  let asked = 0
  const report = async () => {
    asked += 1
    return { status, at: '', databases: {}, dependencies: {}, stalled: [], gauges: {} }
  }
  const probes = checks({ isServing: () => isServing, report })
  const operations = buildOperationsServer(createMetrics('probed').registry, probes)
  const live = (await operations.inject('/health/live')).statusCode
  const ready = (await operations.inject('/health/ready')).statusCode
  await operations.close()
  return { live, ready, asked }
}

describe('the probes', () => {
  test('ask no dependency, so they do not change when one is away', async () => {
    for (const status of ['ok', 'degraded'] as const) {
      expect(await seen(askThisProcessOnly, { isServing: true, status })).toEqual({
        live: 200,
        ready: 200,
        asked: 0,
      })
    }
  })

  test('turn requests away from an instance that starts or stops, and do not have it restarted', async () => {
    const { live, ready } = await seen(askThisProcessOnly, { isServing: false, status: 'ok' })
    expect({ live, ready }).toEqual({ live: 200, ready: 503 })
  })
})

describe('the naive version', () => {
  test('fails both probes when any dependency is away', async () => {
    const { live, ready } = await seen(askEveryDependency, { isServing: true, status: 'degraded' })
    expect({ live, ready }).toEqual({ live: 503, ready: 503 })
  })

  test('looks the same as long as nothing is away', async () => {
    const { live, ready } = await seen(askEveryDependency, { isServing: true, status: 'ok' })
    expect({ live, ready }).toEqual({ live: 200, ready: 200 })
  })
})
