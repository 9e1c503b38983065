import { expect, test } from 'vitest'
import type { Log, LogFields } from '../telemetry/logger.ts'
import { runLoop } from './loop.ts'

const foreverMs = 60_000

type Round = () => number | Promise<number>

/** Runs a loop whose n-th round does `rounds[n]`; after the last it is stopped. */
async function runRounds(
  rounds: readonly Round[],
  changes: { idleMs?: number; failureBackoffCapMs?: number } = {},
) {
  const stop = new AbortController()
  const lines: LogFields[] = []
  let calls = 0
  await runLoop({
    name: 'test',
    runOnce: async () => {
      const round = rounds[calls]
      calls += 1
      if (calls === rounds.length) stop.abort()
      return round?.() ?? 0
    },
    batchMax: 10,
    idleMs: 0,
    failureBackoffCapMs: 1,
    signal: stop.signal,
    log: { warn: fields => void lines.push(fields) } as Log,
    ...changes,
  })
  return { calls, lines }
}

const fail = () => {
  throw new Error('no database')
}

test('a round that fails is logged and does not end the loop', async () => {
  const { calls, lines } = await runRounds([fail, fail, () => 0, fail, () => 0])
  expect(calls).toBe(5)
  expect(lines.map(line => [line.event, line['loop'], line['failures']])).toEqual([
    ['loop.failed', 'test', 1],
    ['loop.failed', 'test', 2],
    ['loop.failed', 'test', 1],
  ])
})

test('a round may throw anything, also what is no Error', async () => {
  expect((await runRounds([() => Promise.reject(), () => 0])).calls).toBe(2)
})

test('after a full batch the next one begins at once', async () => {
  const full = () => 10
  expect((await runRounds([full, full, full, full], { idleMs: foreverMs })).calls).toBe(4)
})

test('after a batch that was not full the loop waits, and the stop ends the wait', async () => {
  const stop = new AbortController()
  let calls = 0
  const running = runLoop({
    name: 'test',
    runOnce: async () => {
      calls += 1
      // In the next turn the loop is asleep.
      setImmediate(() => stop.abort())
      return 9
    },
    batchMax: 10,
    idleMs: foreverMs,
    failureBackoffCapMs: foreverMs,
    signal: stop.signal,
    log: {} as Log,
  })
  await running
  expect(calls).toBe(1)
})

test('the stop also ends the wait after a failure', async () => {
  const { calls } = await runRounds([fail], {
    idleMs: foreverMs,
    failureBackoffCapMs: foreverMs,
  })
  expect(calls).toBe(1)
})

test('a loop that is stopped before it begins does nothing', async () => {
  let calls = 0
  await runLoop({
    name: 'test',
    runOnce: async () => {
      calls += 1
      return 0
    },
    batchMax: 1,
    idleMs: 0,
    failureBackoffCapMs: 0,
    signal: AbortSignal.abort(),
    log: {} as Log,
  })
  expect(calls).toBe(0)
})

test('a loop that never idles leaves the event loop to other work', async () => {
  const stop = new AbortController()
  setImmediate(() => stop.abort())
  let calls = 0
  await runLoop({
    name: 'test',
    // Always full, and nothing to wait for: without a pause of its own it would hold the process.
    runOnce: async () => {
      calls += 1
      if (calls > 100_000) throw new Error('nobody else got a turn')
      return 1
    },
    batchMax: 1,
    idleMs: foreverMs,
    failureBackoffCapMs: 0,
    signal: stop.signal,
    log: {
      warn: () => {
        stop.abort()
      },
    } as unknown as Log,
  })
  expect(calls).toBeLessThan(100_000)
})
