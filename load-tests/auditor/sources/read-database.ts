import pg from 'pg'

type Row = Record<string, unknown>

const rowsAtATime = 5_000

/**
 * Reads several tables as they were at one moment, in one repeatable-read transaction. A cursor keeps
 * the driver's buffers small.
 * @throws when a table cannot be read to its end
 */
export async function readDatabase(
  url: string,
  queries: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<Record<string, Row[]>> {
  return withDatabase(url, timeoutMs, async client => {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const tables: Record<string, Row[]> = {}
    for (const [name, query] of Object.entries(queries)) tables[name] = await readAll(client, query)
    await client.query('COMMIT')
    return tables
  })
}

/** Opens a connection for one piece of work, and closes it afterwards in every case. */
export async function withDatabase<T>(
  url: string,
  timeoutMs: number,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    query_timeout: timeoutMs,
  })
  // A connection that breaks between two queries emits this; the next query then fails.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => undefined) // a broken connection: the work has failed with that
  }
}

async function readAll(client: pg.Client, query: string): Promise<Row[]> {
  const rows: Row[] = []
  await client.query(`DECLARE whole NO SCROLL CURSOR FOR ${query}`)
  for (;;) {
    const page = await client.query(`FETCH ${rowsAtATime} FROM whole`)
    rows.push(...page.rows)
    if (page.rows.length < rowsAtATime) break
  }
  await client.query('CLOSE whole')
  return rows
}
