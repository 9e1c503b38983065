import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { waitUntil } from '@nightshift/local/wait-until'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import {
  inTenantStatement,
  inTransaction,
  isPostgresAway,
  openPool,
  type Queryable,
  RollBack,
  warmPool,
} from '../src/postgres/postgres.ts'
import { type LogFields, openLog } from '../src/telemetry/logger.ts'
import { type FreshDatabase, openFreshDatabase } from './fresh-database.ts'

const limits = {
  connectionsMax: 2,
  acquireMs: 300,
  lockMs: 100,
  statementMs: 300,
  idleInTransactionMs: 300,
} as const
const patienceMs = 5_000

let database: FreshDatabase
/** A connection that watches from outside, without any of the limits. */
let witness: pg.Client
let pool: pg.Pool
const lines: LogFields[] = []
const log = openLog('test', { write: line => void lines.push(JSON.parse(line)) })

beforeAll(async () => {
  database = await openFreshDatabase(inject('parts').postgresUrl)
  witness = new pg.Client({ connectionString: database.url })
  await witness.connect()
  await witness.query('CREATE TABLE things (id integer PRIMARY KEY, name text)')
  pool = openPool(database.url, 'under-test', limits, log)
})
afterAll(async () => {
  await pool.end()
  await witness.end()
  await database[Symbol.asyncDispose]()
})
beforeEach(async () => {
  lines.length = 0
  await witness.query('TRUNCATE things')
})

const insert = 'INSERT INTO things (id) VALUES ($1)'

async function ids(): Promise<number[]> {
  const { rows } = await witness.query<{ id: number }>('SELECT id FROM things ORDER BY id')
  return rows.map(row => row.id)
}

async function failureOf(work: Promise<unknown>): Promise<Error & { code?: string }> {
  const failure = await work.then(
    () => undefined,
    error => error,
  )
  expect(failure).toBeInstanceOf(Error)
  return failure
}

/** Every connection of the pool can be had and works: none was lost, none is in a broken state. */
async function expectPoolToWork() {
  const all = Array.from({ length: limits.connectionsMax * 2 }, () =>
    inTransaction(pool, async tx => (await tx.query('SELECT 1 AS one')).rows[0]?.one),
  )
  expect(await Promise.all(all)).toEqual(all.map(() => 1))
}

async function terminate(pid: unknown) {
  await witness.query('SELECT pg_terminate_backend($1)', [pid])
}

async function pidOf(client: Pick<pg.ClientBase, 'query'>): Promise<number> {
  return (await client.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
}

describe('the connections', () => {
  test('take turns, so that each has seen the statements before a burst needs it', async () => {
    await warmPool(pool)
    const used: number[] = []
    for (let turn = 0; turn < limits.connectionsMax * 2; turn += 1) used.push(await pidOf(pool))
    expect(new Set(used).size).toBe(limits.connectionsMax)
    expect(used.slice(limits.connectionsMax)).toEqual(used.slice(0, limits.connectionsMax))
  })
})

test('a slow start of the server costs a new pool no connection', async () => {
  let asked = 0
  const slowAtFirst = createServer(client => {
    asked += 1
    if (asked === 1) return // no answer within the limit
    const { hostname, port } = new URL(database.url)
    const server = connect(Number(port), hostname)
    client.pipe(server).pipe(client)
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  await once(slowAtFirst.listen(0, '127.0.0.1'), 'listening')
  const url = new URL(database.url)
  url.port = String((slowAtFirst.address() as { port: number }).port)
  const starting = openPool(url.href, 'starting', limits, log)
  await warmPool(starting)
  expect([starting.idleCount, asked]).toEqual([limits.connectionsMax, limits.connectionsMax + 1])
  await starting.end()
  slowAtFirst.close()
})

describe('a transaction of one statement', () => {
  const insertOne = (tx: Queryable) => tx.query(insert, [1])

  test('is committed, and answers the result of its statement', async () => {
    const { rowCount } = await inTenantStatement(pool, 'acme', insertOne)
    expect([rowCount, await ids()]).toEqual([1, [1]])
  })

  test('acts for its tenant, and for no longer', async () => {
    const tenantOf = async (db: Queryable) =>
      (await db.query(`SELECT current_setting('app.tenant', true) AS tenant`)).rows[0]?.tenant
    expect(await inTenantStatement(pool, 'acme', tenantOf)).toBe('acme')
    expect(await inTransaction(pool, tenantOf)).toBe('')
  })

  test('is undone when its statement fails, and its connection is as good as before', async () => {
    await witness.query('INSERT INTO things (id) VALUES (1)')
    expect((await failureOf(inTenantStatement(pool, 'acme', insertOne))).code).toBe('23505')
    await expectPoolToWork()
    expect(await ids()).toEqual([1])
  })

  test('takes no second statement: it would be outside of the transaction', async () => {
    const two = async (tx: Queryable) => {
      await tx.query(insert, [1])
      return tx.query(insert, [2])
    }
    expect((await failureOf(inTenantStatement(pool, 'acme', two))).message).toContain(
      'one statement',
    )
    await expectPoolToWork()
    expect(await ids()).toEqual([1])
  })

  test('that comes too late is none, and nothing is done', async () => {
    const late = (tx: Queryable) => Promise.resolve().then(() => tx.query(insert, [1]))
    await failureOf(inTenantStatement(pool, 'acme', late))
    await expectPoolToWork()
    expect(await ids()).toEqual([])
  })
})

describe('a transaction', () => {
  test('is committed when its work returns, and answers its result', async () => {
    expect(
      await inTransaction(pool, async tx => {
        await tx.query(insert, [1])
        return 'done'
      }),
    ).toBe('done')
    expect(await ids()).toEqual([1])
  })

  test('that is rolled back answers its value, and leaves nothing behind', async () => {
    const refuse = async (tx: pg.PoolClient): Promise<string> => {
      await tx.query(insert, [1])
      throw new RollBack('refused')
    }
    expect(await inTransaction(pool, refuse)).toBe('refused')
    expect(await ids()).toEqual([])
    await expectPoolToWork()
  })

  test.each([
    ['fails in our code', async () => Promise.reject(new TypeError('ours'))],
    ['fails in a statement', (tx: pg.PoolClient) => tx.query('SELECT 1/0')],
    ['breaks a constraint', (tx: pg.PoolClient) => tx.query(insert, [1])],
  ])('whose work %s is undone, throws, and the pool goes on', async (_what, fail) => {
    for (let i = 0; i < limits.connectionsMax * 2; i++) {
      await failureOf(
        inTransaction(pool, async tx => {
          await tx.query(insert, [1])
          await fail(tx)
        }),
      )
    }
    expect(await ids()).toEqual([])
    await expectPoolToWork()
  })

  test('whose work hid a failed statement is not taken for committed', async () => {
    const hide = async (tx: pg.PoolClient) => {
      await tx.query(insert, [1])
      await tx.query('SELECT 1/0').catch(() => undefined)
      return 'done'
    }
    const failure = await failureOf(inTransaction(pool, hide))
    expect(failure.message).toMatch(/rolled back/)
    expect(await ids()).toEqual([])
    await expectPoolToWork()
  })

  test('that fails at its COMMIT throws', async () => {
    await witness.query(
      'CREATE TABLE parts (thing integer REFERENCES things DEFERRABLE INITIALLY DEFERRED)',
    )
    const work = inTransaction(pool, tx => tx.query('INSERT INTO parts VALUES (99)'))
    expect((await failureOf(work)).code).toBe('23503')
    await witness.query('DROP TABLE parts')
    await expectPoolToWork()
  })
})

describe('a connection that is killed', () => {
  test('while it is idle is reported, and the next statement gets another', async () => {
    const pid = await pidOf(pool)
    await terminate(pid)
    const reported = () => lines.some(line => line.event === 'postgres.connection_lost')
    expect(await waitUntil(reported, patienceMs, 5)).toBe(true)
    expect(await pidOf(pool)).not.toBe(pid)
    await expectPoolToWork()
  })

  test('between two statements of a transaction undoes it, and counts as an outage', async () => {
    const failure = await failureOf(
      inTransaction(pool, async tx => {
        await tx.query(insert, [1])
        await terminate(await pidOf(tx))
        await tx.query(insert, [2])
      }),
    )
    expect(isPostgresAway(failure)).toBe(true)
    expect(await ids()).toEqual([])
    await expectPoolToWork()
  })

  test('and is not used afterwards still ends as rolled back', async () => {
    const value = await inTransaction(pool, async (tx): Promise<string> => {
      await terminate(await pidOf(tx))
      await waitUntil(() => lines.length > 0, patienceMs, 5)
      throw new RollBack('refused')
    })
    expect(value).toBe('refused')
    await expectPoolToWork()
  })
})

describe('every wait has an end, and counts as an outage or contention', () => {
  const aBitMs = 1_000

  async function expectAwayWithin(boundMs: number, work: () => Promise<unknown>) {
    const startedMs = performance.now()
    const failure = await failureOf(work())
    expect(performance.now() - startedMs).toBeLessThan(boundMs + aBitMs)
    expect(isPostgresAway(failure)).toBe(true)
    return failure
  }

  test('for a lock', async () => {
    await witness.query('INSERT INTO things VALUES (1)')
    await witness.query('BEGIN; SELECT FROM things FOR UPDATE')
    try {
      const failure = await expectAwayWithin(limits.lockMs, () =>
        inTransaction(pool, tx => tx.query('UPDATE things SET name = $1', ['x'])),
      )
      expect(failure.code).toBe('55P03')
    } finally {
      await witness.query('ROLLBACK')
    }
    await expectPoolToWork()
  })

  test('for a statement, which also ends at the server', async () => {
    const failure = await expectAwayWithin(limits.statementMs, () =>
      pool.query('SELECT pg_sleep(30) -- slow'),
    )
    expect(failure.code).toBe('57014')
    // The backend sends the error before it says of itself that it is idle.
    const isOver = await waitUntil(async () => {
      const { rowCount } = await witness.query(
        "SELECT FROM pg_stat_activity WHERE query LIKE '%-- slow' AND state = 'active' AND pid <> pg_backend_pid()",
      )
      return rowCount === 0
    }, limits.statementMs)
    expect(isOver).toBe(true)
    await expectPoolToWork()
  })

  test('for a connection, while others hold all of them', async () => {
    const held = await Promise.all(
      Array.from({ length: limits.connectionsMax }, () => pool.connect()),
    )
    try {
      await expectAwayWithin(limits.acquireMs, () => pool.query('SELECT 1'))
    } finally {
      for (const client of held) client.release()
    }
    await expectPoolToWork()
  })

  test('for a transaction that does nothing: the server ends it', async () => {
    await expectAwayWithin(limits.idleInTransactionMs + limits.statementMs, () =>
      inTransaction(pool, async tx => {
        await tx.query(insert, [1])
        await waitUntil(() => lines.length > 0, patienceMs, 5)
        await tx.query(insert, [2])
      }),
    )
    expect(await ids()).toEqual([])
    await expectPoolToWork()
  })

  test('for a server that has gone silent, and the pool works when it answers again', async () => {
    const server = new URL(database.url)
    let silent = false
    const sockets: Socket[] = []
    const proxy = createServer(near => {
      const far = connect(Number(server.port), server.hostname)
      sockets.push(near, far)
      for (const socket of [near, far]) socket.on('error', () => {}) // torn down below
      near.on('data', chunk => silent || far.write(chunk))
      far.on('data', chunk => silent || near.write(chunk))
      near.on('close', () => far.destroy())
      far.on('close', () => near.destroy())
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const throughProxy = new URL(server)
    throughProxy.port = String((proxy.address() as { port: number }).port)
    // So long that a second wait, for a ROLLBACK, would be noticed.
    const statementMs = 1_000
    const distant = openPool(throughProxy.href, 'distant', { ...limits, statementMs }, log)
    try {
      await distant.query('SELECT 1')
      silent = true
      const backstopMs = statementMs + 500
      await expectAwayWithin(backstopMs, () => inTransaction(distant, tx => tx.query('SELECT 1')))
      await expectAwayWithin(limits.acquireMs, () => distant.query('SELECT 1'))
      silent = false
      expect((await distant.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    } finally {
      await distant.end()
      for (const socket of sockets) socket.destroy()
      proxy.close()
    }
  })
})
