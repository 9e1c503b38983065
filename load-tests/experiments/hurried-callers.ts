import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { atRate } from '../harness/recording-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Experiment } from '../runner/experiment.ts'
import { chargedForNobody } from './caller-figures.ts'

const callersPerSecond = 20
/** How long each caller waits. It says so. */
const patienceMs = 300
/** Longer than a caller waits, and shorter than the services wait for a lock. */
const lockedMs = 420
const pauseMs = 40
/** It would refuse callers in both arms, once enough is left open. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/** Another session locks the keys again and again, as a careless migration does. */
export const hurriedCallers: Experiment = {
  name: 'hurried-callers',
  title: 'The database is slower than callers wait',
  area: 'resilience',
  pattern: 'deadline',
  hypothesis: 'No card is charged for a caller who left before the charge began.',
  arms: {
    with: { payments: backlog },
    naive: { payments: { ...backlog, PATTERN_DEADLINE: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 300, short: 120 },
  method: async ({ system, client, recordFault, size }) => {
    await using locks = await openLocks(system)
    recordFault('lock', 'begin', 'idempotency_keys', { lockedMs, pauseMs })
    const locking = locks.takeTurns()
    await atRate(
      () => client.payAndLeave('acme', { waitMs: patienceMs, saysSo: true }),
      size,
      callersPerSecond,
    )
    locks.end()
    await locking
    recordFault('lock', 'end', 'idempotency_keys')
  },
  sometimes: ['fault.lock >= 1', 'attempt.lost >= 1', 'payment.captured >= 1'],
  figures: chargedForNobody,
  shows: {
    figure: 'chargedForNobody',
    of: 'callers',
    atLeast: 10,
    unit: 'cards charged for a caller who had left',
  },
}

/** A session that locks the table of keys, lets go for a moment, and locks it again. */
async function openLocks(system: TestSystem) {
  const client = new pg.Client({ connectionString: system.databaseUrl('payments') })
  await client.connect()
  let isOver = false
  return {
    takeTurns: async () => {
      while (!isOver) {
        await client.query('BEGIN; LOCK TABLE idempotency_keys IN SHARE MODE')
        await sleep(lockedMs)
        await client.query('COMMIT')
        await sleep(pauseMs)
      }
    },
    end: () => {
      isOver = true
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}
