import { expect, test } from 'vitest'
import type { Phase } from '../scenarios/profile.ts'
import { overloadKind } from './fault-schedule.ts'
import { type SeenIntent, seenIntent } from './seen-intents.ts'
import { secondsIn, secondsUntilGood, stormFigures } from './storm-figures.ts'

const startedAt = 1_000_000

function intent(atMs: number, changes: Partial<SeenIntent> = {}): SeenIntent {
  return {
    tenant: 'acme',
    intendedAt: startedAt + atMs,
    leftAt: startedAt + atMs + 40,
    attempts: 1,
    leftWith: 'refused',
    servedAfterMs: 40,
    acceptedMs: 40,
    ...changes,
  }
}
const { servedAfterMs: _served, acceptedMs: _accepted, ...refused } = intent(0)
const refusedAt = (atMs: number): SeenIntent => ({ ...refused, intendedAt: startedAt + atMs })

/** So many intents in the second that begins then; the first of them are served. */
function secondOf(at: number, begin: number, served: number): SeenIntent[] {
  return Array.from({ length: begin }, (_, i) => {
    const atMs = at * 1_000 + (i * 1_000) / begin
    return i < served ? intent(atMs) : refusedAt(atMs)
  })
}

function phase(name: string, seconds: number): Phase {
  return { name, stages: [{ seconds, fromPerSecond: 1, toPerSecond: 1 }] }
}
const phases = [phase('steady', 5), phase('saturated', 2), phase('tenfold', 4), phase('back', 3)]

test('each intent counts in the second in which it should have begun, by how it ended', () => {
  const seconds = secondsIn(
    [
      intent(0),
      intent(900, { servedAfterMs: 5_001 }),
      refusedAt(1_000),
      { ...refusedAt(1_500), leftWith: 'pending' },
      { ...refusedAt(1_999), leftWith: 'lost' },
    ],
    startedAt,
  )
  expect(seconds).toEqual([
    { at: 0, began: 2, inTime: 1, late: 1, refused: 0, pending: 0, lost: 0 },
    { at: 1, began: 3, inTime: 0, late: 0, refused: 1, pending: 1, lost: 1 },
  ])
})

test('what is served at ten times the load is compared with what is served at saturation', () => {
  const intents = [
    // Cold processes are slow, and no measure of an ordinary night.
    ...secondOf(0, 7, 7).map(cold => ({ ...cold, acceptedMs: 900 })),
    ...[1, 2, 3, 4].flatMap(at => secondOf(at, 7, 7)),
    ...[5, 6].flatMap(at => secondOf(at, 10, 10)),
    ...[7, 8, 9, 10].flatMap(at => secondOf(at, 70, at === 8 ? 5 : 10)),
    ...[11, 12, 13].flatMap(at => secondOf(at, 7, at === 11 ? 6 : 7)),
  ]
  const fault = { kind: 'setting', name: 'card-provider' }
  const overload = { kind: overloadKind, name: 'employers' }
  const faultLog = [
    { ...fault, action: 'begin', t: startedAt + 8_000 },
    { ...fault, action: 'end', t: startedAt + 8_000 },
    // The overload is logged too, or no second of it would be calm.
    { ...overload, action: 'begin', t: startedAt + 7_000 },
    { ...overload, action: 'end', t: startedAt + 11_000 },
  ]
  const figures = stormFigures(intents, phases, faultLog, [])
  expect(figures).toMatchObject({
    saturatedServedPerSecond: 10,
    tenfoldServedPerSecond: 8.75,
    servedToSaturated: 0.875,
    calmServedToSaturated: 1,
    inTimeOfServed: 1,
    acceptedP99Ratio: 1,
    attemptsPerIntent: 1,
    secondsUntilGood: 1,
  })
})

test('a storm after which no second is good again has all that were seen, and none of nobody came', () => {
  expect(secondsUntilGood([...secondOf(0, 7, 6), ...secondOf(1, 7, 5)], startedAt)).toBe(2)
  expect(secondsUntilGood(secondOf(0, 7, 7), startedAt + 1_000)).toBeNaN()
})

test('seconds after an outage count from the moment when the part was ready again, the first time', () => {
  const intents = [0, 1, 2, 3].flatMap(at => secondOf(at, 7, at === 3 ? 7 : 6))
  const kafka = { kind: 'process', name: 'kafka' }
  const faultLog = [
    { ...kafka, action: 'begin', t: startedAt },
    { ...kafka, action: 'end', t: startedAt + 1_000 },
    { ...kafka, action: 'begin', t: startedAt + 2_000 },
    { ...kafka, action: 'end', t: startedAt + 3_000 },
    { kind: 'setting', name: 'card-provider', action: 'end', t: startedAt },
  ]
  expect(stormFigures(intents, phases, faultLog, [])).toMatchObject({
    secondsUntilGoodAfterKafka: 2,
    secondsUntilGoodAfterProvider: Number.NaN,
    secondsUntilGoodAfterDatabase: Number.NaN,
  })
})

const line = { op: 'publish', tenant: 'acme', req: { attempt: 1 } } as const

test('an intent is served by its own answer or by a read, and not by its repetition', () => {
  const sent = { ...line, type: 'invoke', t: 100, traceId: 'a' } as const
  const open = {
    ...line,
    type: 'info',
    t: 2_100,
    traceId: 'a',
    status: 202,
    sinceMs: 2_100,
  } as const
  const read = {
    ...line,
    op: 'read',
    type: 'ok',
    t: 3_000,
    traceId: 'a',
    status: 200,
    sinceMs: 3_000,
    res: { status: 'live' },
  } as const
  const again = { ...open, type: 'ok', req: { attempt: 6, again: 1 }, status: 201 } as const
  expect(seenIntent([sent, open, read])).toMatchObject([{ servedAfterMs: 3_000, attempts: 1 }])
  expect(seenIntent([sent, open, again])).toMatchObject([{ leftWith: 'pending' }])
  expect(seenIntent([sent, open, again])[0]?.servedAfterMs).toBeUndefined()
  expect(seenIntent([sent])).toEqual([])
})
