import pg from 'pg'

const connectTimeoutMs = 5_000
const queryTimeoutMs = 30_000
/**
 * The server has 200. Two instances of a service have up to 40 of a role, and the lanes of the console
 * as many more. A role whose password has leaked can't take all of them.
 */
const connectionsOfRoleMax = 80

/** Opens a connection for one piece of work, and closes it even when the work throws. */
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
  // The statement in flight rejects with the same error; without a listener it ends the process.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Creates a role, or alters an existing one. It may log in only if it has a password. */
export async function ensureRole(
  client: pg.Client,
  role: string,
  password?: string,
): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
  const verb = rowCount === 0 ? 'CREATE' : 'ALTER'
  const login =
    password === undefined ? 'NOLOGIN' : `LOGIN PASSWORD ${client.escapeLiteral(password)}`
  const limit = `CONNECTION LIMIT ${connectionsOfRoleMax}`
  await client.query(`${verb} ROLE ${client.escapeIdentifier(role)} ${login} ${limit}`)
}

/** The databases that every cluster has are for administrators: by default, anybody may enter them. */
export async function closeCommonDatabases(client: pg.Client): Promise<void> {
  await client.query('REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC')
}

/**
 * Takes from everybody the right to store large objects, which no table's rights and no row policy
 * bound. Only of the database that the client is connected to.
 */
export async function forbidLargeObjects(client: pg.Client): Promise<void> {
  await client.query(`DO $$
    DECLARE large regprocedure;
    BEGIN
      FOR large IN SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(lo_|lowrite|loread)'
      LOOP EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', large);
      END LOOP;
    END $$`)
}

/**
 * Creates a database that only these roles and the administrator may enter, unless it exists. Answers
 * whether it was created now. With a template it begins as a copy of that database.
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
  const grantees = roles.map(role => client.escapeIdentifier(role)).join(', ')
  await client.query(`GRANT CONNECT ON DATABASE ${name} TO ${grantees}`)
  return rowCount === 0
}

/** Drops a database and cuts the connections to it. */
export async function dropDatabase(client: pg.Client, database: string): Promise<void> {
  await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(database)} WITH (FORCE)`)
}
