import { setTimeout as sleep } from 'node:timers/promises'
import type { Sources } from './collect.ts'
import type { Quiescence, Unfinished } from './evidence.ts'
import { laggingConsumers } from './sources/lagging-consumers.ts'
import { withDatabase } from './sources/read-database.ts'
import type { Database } from './sources/tables.ts'
import { unfinishedWork } from './sources/unfinished-work.ts'

const pollMs = 500
const lookTimeoutMs = 5_000
const idsMax = 50

/**
 * Waits until the system is at rest: outboxes empty, consumers at the end of their topics, nothing
 * pending. It only reads. When the time is up it returns what was left. A source that does not answer
 * may be starting, so it is asked again.
 */
export async function waitForQuiescence(
  sources: Pick<Sources, 'databases' | 'kafka'>,
  deadlineMs: number,
): Promise<Quiescence> {
  const startedAt = Date.now()
  for (;;) {
    const { remaining, unasked } = await look(sources)
    const finishedAt = Date.now()
    const waitedMs = finishedAt - startedAt
    const quiet = remaining.length === 0 && unasked.length === 0
    if (quiet || waitedMs >= deadlineMs) {
      return { quiet, deadlineMs, waitedMs, finishedAt, remaining, unasked }
    }
    await sleep(Math.min(pollMs, deadlineMs - waitedMs))
  }
}

async function look({ databases, kafka }: Pick<Sources, 'databases' | 'kafka'>) {
  const questions: Record<string, () => Promise<Unfinished[]>> = {
    payments: () => askDatabase(databases, 'payments'),
    listings: () => askDatabase(databases, 'listings'),
    notifications: () => askDatabase(databases, 'notifications'),
    kafka: () => laggingConsumers(kafka, lookTimeoutMs),
  }
  const remaining: Unfinished[] = []
  const unasked: string[] = []
  await Promise.all(
    Object.entries(questions).map(async ([name, question]) => {
      try {
        remaining.push(...(await question()))
      } catch (error) {
        unasked.push(`${name}: ${(error as Error).message}`)
      }
    }),
  )
  return { remaining, unasked }
}

function askDatabase(databases: Sources['databases'], database: Database): Promise<Unfinished[]> {
  return withDatabase(databases[database], lookTimeoutMs, async client => {
    const found: Unfinished[] = []
    for (const { promise, what, query } of unfinishedWork[database]) {
      const { rows } = await client.query<{ id: string }>(`${query} LIMIT ${idsMax}`)
      if (rows.length > 0) found.push({ promise, what, ids: rows.map(({ id }) => id) })
    }
    return found
  })
}
