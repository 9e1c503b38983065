import pg from 'pg'
import type { Deadline } from '../process/deadline.ts'
import type { Log } from '../telemetry/logger.ts'

/** Runs statements: the pool for a single one, a client inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>

/** One open transaction. */
export type Transaction = pg.PoolClient

export type PoolLimits = {
  connectionsMax: number
  /** Waiting for a free connection, TCP included. */
  acquireMs: number
  lockMs: number
  statementMs: number
  /** A connection that sits in an open transaction longer than this is closed by the server. */
  idleInTransactionMs: number
}

/**
 * Opens a pool in which every wait is bounded. The order of the limits matters:
 * lock < statement < query. `query_timeout` alone would leave the query running on the server
 * (brianc/node-postgres#1954), so it is only the backstop for a server that does not answer at all.
 *
 * Its connections stay open and take turns. A new connection costs PostgreSQL a process, which reads
 * its catalogue and plans each statement again: some 20 ms of processor time. A sudden load that had to
 * open its connections first filled two processors for half a second.
 */
export function openPool(connectionString: string, name: string, limits: PoolLimits, log: Log) {
  const pool = new pg.Pool({
    connectionString,
    application_name: name,
    max: limits.connectionsMax,
    min: limits.connectionsMax,
    connectionTimeoutMillis: limits.acquireMs,
    lock_timeout: limits.lockMs,
    statement_timeout: limits.statementMs,
    query_timeout: limits.statementMs + 500,
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    keepAlive: true,
    // A statement is sent although the one before it has no answer yet.
    pipeline: true,
  })
  const lost = (error: Error) => log.warn({ event: 'postgres.connection_lost', pool: name, error })
  // The driver's list of connections that nobody uses, for which it has no setting.
  Object.assign(pool, { _idle: new LongestIdleFirst() })
  // Without both listeners a killed connection ends the process: the first gets the errors of idle
  // connections, the second those of checked-out ones (brianc/node-postgres#2439).
  pool.on('error', lost)
  pool.on('connect', client => client.on('error', lost))
  return pool
}

/**
 * The driver takes the last item of its list, which is the connection that came back last
 * (brianc/node-postgres#2324). Then few connections do the work of a quiet hour, and those that a burst
 * needs have never seen its statements.
 */
class LongestIdleFirst<T> extends Array<T> {
  override pop(): T | undefined {
    return this.shift()
  }
}

const warmFailuresMax = 3

/**
 * Opens all connections before the first request needs one. A process that has just begun is slow, and
 * shares the machine with the others that begin. So it opens one after the other: each has its own time
 * for that, and the others are not held up. A server that does not answer now is no reason to fail here.
 */
export async function warmPool(pool: pg.Pool): Promise<void> {
  const opened: pg.PoolClient[] = []
  for (let failures = 0; failures < warmFailuresMax && opened.length < (pool.options.max ?? 1); ) {
    try {
      opened.push(await pool.connect())
    } catch {
      failures += 1
    }
  }
  for (const client of opened) client.release()
}

/** The deadline passed before the transaction began: nothing was done. A caller may come back. */
export class TooLate extends Error {}

/** Thrown inside a transaction to undo it and answer with a value: a refusal, not a fault. */
export class RollBack<T> extends Error {
  readonly value: T
  constructor(value: T) {
    super('rolled back')
    this.value = value
  }
}

/**
 * Runs `work` in one transaction on one connection. Never call the network inside: the transaction
 * would hold its locks and its connection for as long as the other side likes.
 * After a failed COMMIT it is unknown whether the transaction happened; the error is thrown.
 */
export function inTransaction<T>(
  pool: pg.Pool,
  work: (tx: Transaction) => Promise<T>,
  deadline?: Deadline,
): Promise<T> {
  return transact(pool, 'BEGIN', work, deadline)
}

/**
 * Runs a transaction on behalf of one tenant: the policies of the tables show its rows and no others,
 * whatever a statement forgets. BEGIN and the setting are one message, so it costs no round trip more.
 * The setting ends with the transaction, or it would wait in the pool for the next tenant.
 */
export function inTenantTransaction<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (tx: Transaction) => Promise<T>,
  deadline?: Deadline,
): Promise<T> {
  return transact(pool, `BEGIN; ${setTenant(tenantId)}`, work, deadline)
}

/**
 * The same for work that sends a single statement, and sends it at once. COMMIT goes along with it, so the
 * whole transaction is one round trip. What the statement did can't be undone any more by its result.
 * @throws when the work sends a second statement, or the first one later
 */
export function inTenantStatement<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (tx: Queryable) => Promise<T>,
  deadline?: Deadline,
): Promise<T> {
  const begin = `BEGIN; ${setTenant(tenantId)}`
  return onConnection(pool, deadline, (client, cut) =>
    sendTogether(client, () => {
      const begun = client.query(`${begin}${cut}`)
      const statement = singleStatement(client)
      const worked = work(statement)
      const committed = client.query(statement.end() ? 'COMMIT' : 'ROLLBACK')
      return { begun, worked, committed }
    }),
  )
}

/** Reads on behalf of one tenant: all statements of `work` see the same moment. */
export function inTenantSnapshot<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (tx: Transaction) => Promise<T>,
  deadline?: Deadline,
): Promise<T> {
  const begin = 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY'
  return transact(pool, `${begin}; ${setTenant(tenantId)}`, work, deadline)
}

function setTenant(tenantId: string): string {
  return `SELECT set_config('app.tenant', ${pg.escapeLiteral(tenantId)}, true)`
}

/**
 * Cuts the waits of a transaction to the rest of its caller's deadline: the database must not work,
 * nor hold a connection, for a caller that has left. The clock is read once, so the bound holds for
 * each statement; a transaction here has two or three.
 */
function cutTo(deadline: Deadline, { options }: pg.Pool): string {
  const leftMs = Math.max(1, Math.floor(deadline.remainingMs()))
  const bounds = {
    statement_timeout: options.statement_timeout,
    lock_timeout: options.lock_timeout,
  }
  return Object.entries(bounds)
    .filter(([, boundMs]) => typeof boundMs !== 'number' || leftMs < boundMs)
    .map(([name]) => `; SET LOCAL ${name} = ${leftMs}`)
    .join('')
}

function transact<T>(
  pool: pg.Pool,
  begin: string,
  work: (tx: Transaction) => Promise<T>,
  deadline?: Deadline,
): Promise<T> {
  return onConnection(pool, deadline, async (client, cut) => {
    const result = await sendTogether(client, () => ({
      begun: client.query(`${begin}${cut}`),
      worked: work(client),
    }))
    await commit(client.query('COMMIT'))
    return result
  })
}

/**
 * PostgreSQL answers the COMMIT of a transaction in which a statement failed with ROLLBACK, and no error:
 * the work caught it and went on, but nothing of what it did is there.
 */
async function commit(answer: Promise<pg.QueryResult>): Promise<void> {
  const { command } = await answer
  if (command !== 'COMMIT') throw new Error('rolled back: a statement failed and was not noticed')
}

/** Leaves a connection as it was found: whatever fails in `use`, no transaction stays open. */
async function onConnection<T>(
  pool: pg.Pool,
  deadline: Deadline | undefined,
  use: (client: Transaction, cut: string) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  if (deadline && deadline.remainingMs() <= 0) {
    client.release()
    throw new TooLate('the caller has left while its request waited for a connection')
  }
  let broken: Error | undefined
  try {
    return await use(client, deadline ? cutTo(deadline, pool) : '')
  } catch (error) {
    broken = await rollBack(client, error)
    if (error instanceof RollBack) return error.value as T
    throw error
  } finally {
    // A connection that can't roll back is in no state to be used again.
    client.release(broken)
  }
}

type Sent<T> = Readonly<{
  begun: Promise<unknown>
  worked: Promise<T>
  committed?: Promise<pg.QueryResult>
}>

/**
 * Sends BEGIN, the first statement of the work and perhaps COMMIT in one piece: none of them waits for the
 * answer to the one before it, and PostgreSQL is woken once. If BEGIN fails, PostgreSQL refuses the
 * statement, too. All of them are over when this ends.
 */
async function sendTogether<T>(client: Transaction, send: () => Sent<T>): Promise<T> {
  const { stream } = (client as unknown as pg.Client).connection
  stream.cork()
  let sent: Sent<T>
  try {
    sent = send()
  } finally {
    stream.uncork()
  }
  const { committed } = sent
  const [begun, worked] = await Promise.allSettled([sent.begun, sent.worked, committed])
  if (begun.status === 'rejected') throw begun.reason
  if (worked.status === 'rejected') throw worked.reason
  if (committed !== undefined) await commit(committed)
  return worked.value
}

/** Takes one statement, until `end` is called, which answers whether there was one. */
function singleStatement(client: Transaction): Queryable & Readonly<{ end: () => boolean }> {
  let isOver = false
  const query = ((...args: Parameters<Transaction['query']>) => {
    if (isOver) throw new Error('this transaction has one statement, which is sent at once')
    isOver = true
    return client.query(...args)
  }) as Transaction['query']
  const end = () => {
    const wasSent = isOver
    isOver = true
    return wasSent
  }
  return { query, end }
}

/**
 * A connection that brought no answer would leave a ROLLBACK without one as well, after as long a
 * wait. It is closed instead, and with it the server ends the transaction.
 * @returns why the connection can't be used again, if so
 */
async function rollBack(client: Transaction, failure: unknown): Promise<Error | undefined> {
  if (failure instanceof Error && isPostgresOutage(failure)) return failure
  return client.query('ROLLBACK').then(
    () => undefined,
    (error: Error) => error,
  )
}

/**
 * HTTP and a consumer ask two different questions about one failure.
 * An HTTP caller can come back, so every failure that may pass is worth a 503 (`isPostgresAway`).
 * A consumer holds its partition while it waits. It may wait without limit only for a failure that
 * every record would meet (`isPostgresOutage`): a record that is too slow for the statement timeout is
 * too slow tomorrow as well (opslane/opslane#508, stackrox/stackrox#4716).
 * Codes: https://www.postgresql.org/docs/18/errcodes-appendix.html; the rest are sockets.
 */

/** True when no statement can be run at all: no connection, no server, or no resources for any. */
export function isPostgresOutage(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (typeof code === 'string' && (outageCodes.test(code) || socketCodes.test(code))) return true
  return typeof message === 'string' && lostConnection.test(message)
}

/**
 * True when another transaction was in the way: serialization failure, deadlock, lock timeout. It
 * is the record's own failure, but one that more attempts usually cure.
 */
export function isPostgresContention(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(40|55P03$)/.test(code)
}

/**
 * True when the same work may succeed later: an outage, contention, or a time limit that was
 * reached (57014 statement, 25P03 idle in transaction, 25P04 transaction).
 */
export function isPostgresAway(error: unknown): boolean {
  if (isPostgresOutage(error) || isPostgresContention(error)) return true
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && /^(57014|25P03|25P04)$/.test(code)
}

/**
 * 08 connection; 28 and 3D000 no log-in and no such database, which no record can cause; 53 out of
 * connections, disk or memory, but not 53400, which a single query reaches (`temp_file_limit`);
 * 57 shut down, crashed or starting, but not 57014; 25006 a server that became read-only, as after
 * a failover to a replica.
 */
const outageCodes = /^(08...|28...|3D000|53[0-3]..|57000|57P0.|25006)$/
const socketCodes =
  /^(ECONN(REFUSED|RESET|ABORTED)|EPIPE|ETIMEDOUT|E(HOST|NET)(UNREACH|DOWN)|ENETRESET|ENOTFOUND|EAI_AGAIN|EADDRNOTAVAIL|ENOBUFS|EMFILE|ENFILE)$/
/**
 * Messages of the driver that have no code. "Query read timeout" is our backstop behind the server's
 * own statement timeout: the server did not even say that it gave up, so the connection has failed.
 */
const lostConnection =
  /^Connection terminated|^timeout exceeded when trying to connect|^timeout expired$|^Query read timeout|is not queryable$/
