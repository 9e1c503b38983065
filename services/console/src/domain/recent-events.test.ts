import { expect, test } from 'vitest'
import { openRecentEvents } from './recent-events.ts'

const down = { thing: 'payments-kafka', what: 'down', since: '2026-12-01T03:00:00.000Z' }
const since = Date.parse(down.since)

test('a fault is a band from the begin that its log says to the moment in which it is gone', () => {
  const events = openRecentEvents(10)
  events.seeFaults([down], since + 900)
  expect(events.bands()).toEqual([{ name: 'payments-kafka down', from: since, until: null }])
  events.seeFaults([down], since + 1_900)
  events.seeFaults([], since + 2_900)
  expect(events.bands()).toEqual([
    { name: 'payments-kafka down', from: since, until: since + 2_900 },
  ])
  events.seeFaults([{ ...down, since: '2026-12-01T03:01:00.000Z' }], since + 61_000)
  expect(events.bands()).toHaveLength(2)
})

test('a restart and a switch are marks, and what was there at the first look is not', () => {
  const events = openRecentEvents(10)
  events.seeRestarts([{ name: 'payments', restarts: 4 }], 1)
  events.seeVariants({ PATTERN_OUTBOX: { payments: 'on' } }, 1)
  expect(events.marks()).toEqual([])
  events.seeRestarts([{ name: 'payments', restarts: 5 }], 2)
  events.seeVariants({ PATTERN_OUTBOX: { payments: 'naive' } }, 3)
  // A service that is away for a moment has switched nothing.
  events.seeVariants({}, 4)
  events.seeVariants({ PATTERN_OUTBOX: { payments: 'naive' } }, 5)
  expect(events.marks()).toEqual([
    { at: 2, what: 'payments restarted' },
    { at: 3, what: 'PATTERN_OUTBOX=naive at payments' },
  ])
})

test('the oldest are forgotten', () => {
  const events = openRecentEvents(2)
  for (let count = 0; count < 5; count += 1) {
    events.seeRestarts([{ name: 'payments', restarts: count }], count)
    events.seeFaults([{ ...down, since: new Date(since + count).toISOString() }], since)
  }
  expect(events.marks().map(({ at }) => at)).toEqual([3, 4])
  expect(events.bands()).toHaveLength(2)
})
