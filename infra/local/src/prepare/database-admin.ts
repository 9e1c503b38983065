import pg from 'pg'

const connectTimeoutMs = 5_000
const queryTimeoutMs = 30_000

/** Work on a PostgreSQL server with a connection of its own, closed in the end whatever happens. */
export async function withDatabase<T>(
  url: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    application_name: 'nightshift-local',
  })
  // The statement in flight rejects with the same error; unheard, it would end the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Creates a role, or brings an existing one to this: it may log in if it has a password. */
export async function ensureRole(
  client: pg.Client,
  role: string,
  password?: string,
): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER'
  const login =
    password === undefined ? 'NOLOGIN' : `LOGIN PASSWORD ${client.escapeLiteral(password)}`
  await client.query(`${verb} ROLE ${client.escapeIdentifier(role)} ${login}`)
}

/**
 * Creates a database that only these roles and the administrator may enter, unless it exists; true
 * if it was created now. From a template, it begins as a copy of that.
 */
export async function ensureDatabase(
  client: pg.Client,
  database: string,
  roles: readonly string[],
  template?: string,
): Promise<boolean> {
  const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database])
  const name = client.escapeIdentifier(database)
  if (rowCount === 0) {
    const from = template === undefined ? '' : ` TEMPLATE ${client.escapeIdentifier(template)}`
    await client.query(`CREATE DATABASE ${name}${from}`)
  }
  await client.query(`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`)
  const visitors = roles.map(role => client.escapeIdentifier(role)).join(', ')
  await client.query(`GRANT CONNECT ON DATABASE ${name} TO ${visitors}`)
  return rowCount === 0
}

/** Drops a database, and whoever is still connected to it. */
export async function dropDatabase(client: pg.Client, database: string): Promise<void> {
  await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(database)} WITH (FORCE)`)
}
