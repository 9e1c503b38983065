import { expect, test } from 'vitest'
import { stopWaves } from './stop-order.ts'

test('what was started last stops first, and neighbours of one kind stop together', () => {
  const started = [
    { name: 'postgres', spec: { kind: 'part' } },
    { name: 'kafka', spec: { kind: 'part' } },
    { name: 'mailbox', spec: { kind: 'simulator' } },
    { name: 'payments', spec: { kind: 'service' } },
    { name: 'listings', spec: { kind: 'service' } },
  ]
  const waves = stopWaves(started).map(wave => wave.map(each => each.name))
  expect(waves).toEqual([['listings', 'payments'], ['mailbox'], ['kafka', 'postgres']])
})
