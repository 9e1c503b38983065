import { expect, test } from 'vitest'
import { stopWaves } from './process-spec.ts'

test('processes stop in the reverse order of their start, and neighbours of one kind together', () => {
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
