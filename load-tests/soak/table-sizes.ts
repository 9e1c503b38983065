import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'

/** A table with all that belongs to it on disk: its indexes, and what is stored outside of its rows. */
export type TableSize = Readonly<{
  service: ServiceName
  table: string
  rows: number
  bytes: number
}>

/**
 * Counts the rows of every table of the services, and its bytes on disk.
 * @param postgresUrl an administrator's: the services' own roles see only one tenant's rows
 */
export async function readTableSizes(postgresUrl: string): Promise<TableSize[]> {
  const sizes: TableSize[] = []
  for (const service of serviceNames) {
    await withDatabase(databaseUrl(postgresUrl, { database: service }), async client => {
      const { rows: tables } = await client.query<{ table: string }>(`
        SELECT relname AS "table" FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
          AND relname <> 'schema_migrations' ORDER BY relname`)
      for (const { table } of tables) {
        const { rows } = await client.query<{ rows: number; bytes: number }>(`
          SELECT count(*)::integer AS rows, pg_total_relation_size('${table}')::float AS bytes
          FROM ${table}`)
        for (const size of rows) sizes.push({ service, table, ...size })
      }
    })
  }
  return sizes
}
