import { Socket } from 'node:net'
import { waitUntil } from '@nightshift/local/wait-until'
import { Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { judgeLoop, type LoopLimits, refuseWhileBehind } from './loop-lag.ts'

const limits: LoopLimits = {
  everyMs: 50,
  lagMaxMs: 1_000,
  catchUpMs: 250,
  windowMs: 1_000,
  busyShareMax: 0.98,
  averageLagMaxMs: 250,
  answerMs: 500,
  inFlightMin: 4,
  regainedShare: 0.05,
}

/** A loop whose turns take as long as the test says. */
function openLab() {
  let nowMs = 0
  const work = { active: 0, idle: 0 }
  const clock = {
    now: () => nowMs,
    eventLoopUtilization: (since?: { active: number; idle: number }) => {
      const active = work.active - (since?.active ?? 0)
      const idle = work.idle - (since?.idle ?? 0)
      return { active, idle, utilization: active / (active + idle) }
    },
  }
  const loop = judgeLoop(limits, clock)
  let inFlight = 0
  const answer = () => {
    inFlight -= 1
    loop.answered()
  }
  /** Whether one more request may begin. It is answered at once. */
  const admits = () => {
    const isAdmitted = loop.begin()
    if (isAdmitted) loop.answered()
    return isAdmitted
  }
  const pass = (turn: { busyMs: number; idleMs: number }) => {
    work.active += turn.busyMs
    work.idle += turn.idleMs
    nowMs += turn.busyMs + turn.idleMs
    loop.look()
  }
  return {
    admits,
    /** One turn after the other, and whether a request was admitted after each. */
    turns: (count: number, turn: { busyMs: number; idleMs: number }) =>
      Array.from({ length: count }, () => {
        pass(turn)
        return admits()
      }),
    wait: (ms: number) => {
      nowMs += ms
    },
    /**
     * Turns in which more callers come than are answered. Answers how many requests are in flight at
     * the end.
     */
    crowd(count: number, turn: { busyMs: number; idleMs: number }, answersPerTurn: number) {
      for (let nth = 0; nth < count; nth += 1) {
        for (let caller = 0; caller < 100; caller += 1) if (loop.begin()) inFlight += 1
        pass(turn)
        for (let nthOf = 0; nthOf < answersPerTurn && inFlight > 0; nthOf += 1) answer()
      }
      return inFlight
    },
  }
}

const calm = { busyMs: 10, idleMs: 40 }

describe('a stall', () => {
  test('that is longer than a request may wait is over only when what waited has been read', () => {
    const { turns, wait, admits } = openLab()
    turns(100, calm)
    expect(turns(1, { busyMs: 1_100, idleMs: 0 })).toEqual([false])
    wait(limits.catchUpMs - 1)
    expect(admits()).toBe(false)
    wait(1)
    expect(admits()).toBe(true)
  })

  test('is no overload: everything is admitted when it is over', () => {
    const { turns, crowd } = openLab()
    turns(100, calm)
    turns(1, { busyMs: 5_000, idleMs: 0 })
    turns(20, { busyMs: 49, idleMs: 1 })
    expect(crowd(1, calm, 0)).toBe(100)
  })

  test('of a collection of garbage changes nothing', () => {
    expect(openLab().turns(1, { busyMs: 900, idleMs: 0 })).toEqual([true])
  })
})

describe('a loop that never rests', () => {
  const overloaded = { busyMs: 400, idleMs: 0 }

  test('and is late on average has only as much in flight as it answers in time', () => {
    const { crowd } = openLab()
    // 25 per second are answered, so twelve take half a second.
    expect(crowd(100, overloaded, 10)).toBeLessThanOrEqual(14)
    // A processor that is half as fast may have half as much in flight.
    expect(crowd(100, { busyMs: 800, idleMs: 0 }, 10)).toBeLessThanOrEqual(8)
  })

  test('may have more in flight again when it is in time, and everything when the load has gone', () => {
    const { crowd, turns } = openLab()
    const inOverload = crowd(100, overloaded, 10)
    const inTime = crowd(100, { busyMs: 40, idleMs: 5 }, 10)
    expect(inTime).toBeGreaterThan(inOverload)
    expect(inTime).toBeLessThan(100)
    turns(100, calm)
    expect(crowd(10, calm, 0)).toBeGreaterThan(900)
  })

  test('always has some in flight, or the end of the overload would not be noticed', () => {
    const left = openLab().crowd(1_000, overloaded, 1)
    expect(left).toBeGreaterThanOrEqual(limits.inFlightMin - 1)
    expect(left).toBeLessThanOrEqual(limits.inFlightMin + 1)
  })

  test('and answers many in time is only busy', () => {
    expect(openLab().turns(200, { busyMs: 55, idleMs: 0 })).not.toContain(false)
  })

  test('and is late, but answers all within the time, refuses nobody', () => {
    const { crowd } = openLab()
    const late = { busyMs: 310, idleMs: 0 }
    crowd(4, late, 100)
    expect(crowd(1, late, 0)).toBe(100)
  })

  test('is found at once, also after an hour at rest', () => {
    const { turns, crowd } = openLab()
    turns(72_000, { busyMs: 0, idleMs: 50 })
    expect(crowd(10, overloaded, 10)).toBeLessThan(400)
  })
})

test('a loop that is late and has time to rest is paused from outside, and not overloaded', () => {
  expect(openLab().turns(100, { busyMs: 50, idleMs: 350 })).not.toContain(false)
})

test('calm load is never refused', () => {
  expect(openLab().turns(10_000, calm)).not.toContain(false)
})

const entranceLimits = {
  ...limits,
  everyMs: 5,
  lagMaxMs: 50,
  acceptBurstMax: 20,
  acceptBurstMs: 100,
}

test('the time that starting takes is no overload', async () => {
  using entrance = refuseWhileBehind(entranceLimits, new Registry())
  const untilMs = performance.now() + 100
  while (performance.now() < untilMs);
  const first = await new Promise(resolve =>
    setTimeout(() => resolve(entrance.refuse(new Socket())), 1),
  )
  expect(first).toBeUndefined()
})

test('a request that comes right after a real stall is refused, and one after that is not', async () => {
  const registry = new Registry()
  using entrance = refuseWhileBehind({ ...entranceLimits, catchUpMs: 20 }, registry)
  const isOpen = () => entrance.refuse(new Socket()) === undefined
  expect(await waitUntil(isOpen, 2_000, 5)).toBe(true)
  const untilMs = performance.now() + 100
  while (performance.now() < untilMs);
  const refusal = await new Promise(resolve =>
    setTimeout(() => resolve(entrance.refuse(new Socket())), 1),
  )
  expect(refusal).toMatchObject({ status: 503, slug: 'overloaded' })
  expect(await waitUntil(isOpen, 2_000, 5)).toBe(true)
  expect(await registry.metrics()).toMatch(/loop_behind_refused_total \d/)
})
