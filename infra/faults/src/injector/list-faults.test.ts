import { expect, test } from 'vitest'
import { describeFault, listFaults } from './list-faults.ts'
import type { FaultTargets } from './parse-fault.ts'

const system: FaultTargets = {
  processes: ['postgres', 'redis', 'kafka', 'payments', 'notifications'],
  links: ['client-notifications', 'payments-postgres', 'notifications-postgres'],
  settings: {
    'card-provider': { silence: 'none', webhookDuplicates: 0, keyWindowSeconds: 86_400 },
  },
}
const begun = { at: '2026-01-01T00:00:00.000Z', seq: 1, action: 'begin' } as const
const now = Date.parse('2026-01-01T00:00:12.000Z')
const toxic = {
  name: 'latency_upstream',
  type: 'latency',
  stream: 'upstream',
  toxicity: 0.3,
  attributes: { latency: 2000, jitter: 0 },
} as const
const frozen = { ...begun, kind: 'process', name: 'payments', fault: 'freeze' } as const
const slow = { ...begun, kind: 'toxic', proxy: 'payments-postgres', toxic } as const

test.each([10, 24, 40, 80, 200])('the list of faults fits a terminal of %i columns', columns => {
  const faults = [describeFault(frozen, now), describeFault(slow, now)]
  const text = listFaults(system, faults, { columns, heading: line => line })
  const widest = Math.max(...text.split('\n').map(line => line.length))
  expect(widest).toBeLessThanOrEqual(Math.min(80, Math.max(24, columns)))
  expect(text.replaceAll(/\s+/g, ' ')).toContain(
    'payments frozen, for 12 s npm run heal -- payments',
  )
})

test.each([
  [frozen, 'payments', 'frozen'],
  [slow, 'payments-postgres', 'latency_upstream latency=2000 jitter=0 toxicity=0.3'],
  [
    { ...begun, kind: 'proxy', proxy: 'client-payments', link: null } as const,
    'client-payments',
    'down',
  ],
  [
    { ...begun, kind: 'setting', name: 'card-provider/silence', value: 'after' } as const,
    'card-provider',
    'silence=after',
  ],
  [{ ...begun, kind: 'part', name: 'redis/flush' } as const, 'redis', 'redis/flush'],
])('an open fault is shown with the name that heals it', (fault, thing, what) => {
  expect(describeFault(fault, now)).toEqual({ thing, what, seconds: 12 })
})

test('a system without open faults is shown as such', () => {
  const text = listFaults(system, [], { columns: 80, heading: line => line })
  expect(text).toContain('Open faults\n  none\n')
})
