import type pg from 'pg'

const roundsMax = 5_000

/** Carries out all rounds of these jobs, until each finds nothing. */
async function runToTheEnd(
  jobs: readonly { name: string; runOnce: () => Promise<number> }[],
): Promise<void> {
  for (const { name, runOnce } of jobs) {
    let rounds = 0
    while ((await runOnce()) > 0) {
      rounds += 1
      if (rounds > roundsMax) throw new Error(`${name} finds no end`)
    }
  }
}

/** Few large rounds take less time than many small ones. */
export const manyRows = 200_000

/**
 * Counts the rows of each table that may stay, before and after all jobs have come to their end, and
 * those that may not stay.
 * @param left a condition for each table, which every row meets that may stay
 */
export async function countAroundJobs(
  client: pg.Client,
  left: Readonly<Record<string, string>>,
  jobs: Parameters<typeof runToTheEnd>[0],
): Promise<{ table: string; before: number; after: number; old: number }[]> {
  const count = async (table: string, condition: string): Promise<number> => {
    const { rows } = await client.query(
      `SELECT count(*)::integer AS n FROM ${table} WHERE ${condition}`,
    )
    return rows[0].n
  }
  const before = new Map<string, number>()
  for (const [table, young] of Object.entries(left)) before.set(table, await count(table, young))
  await runToTheEnd(jobs)
  const counts = []
  for (const [table, young] of Object.entries(left)) {
    counts.push({
      table,
      before: before.get(table) ?? 0,
      after: await count(table, young),
      old: await count(table, `NOT (${young})`),
    })
  }
  return counts
}
