import type { RoleName } from '@nightshift/local/prepare/database-roles'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type pg from 'pg'
import { asRole, type TestSystem } from './test-system.ts'

/** A node of a plan, as EXPLAIN (ANALYZE, FORMAT JSON) gives it. */
type PlanNode = Readonly<{
  'Node Type': string
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: readonly PlanNode[]
}>

type SeenPlan = Readonly<{ text: string; plan: PlanNode }>

export type PlanCase = Readonly<{
  title: string
  role: RoleName
  run: (db: Queryable) => Promise<unknown>
  /** How many rows the statement works on, if it returns fewer, as a count does. */
  works?: number
}>

/**
 * What is wrong with the plans of a case, whose statements are carried out in a transaction that is
 * undone, on behalf of this tenant.
 */
export function problemsOfCase(
  system: TestSystem,
  { role, run, works = 1 }: Omit<PlanCase, 'title'>,
  tenantId = '',
): Promise<string[]> {
  return asRole(system, role, async client => {
    await client.query('BEGIN')
    await client.query("SELECT set_config('app.tenant', $1, true)", [tenantId])
    const { db, plans } = explaining(client)
    await run(db)
    await client.query('ROLLBACK')
    if (plans.length === 0) throw new Error('no statement was carried out')
    return plans.flatMap(plan => problemsOf(plan, works))
  })
}

/**
 * A database for the statements of a service that keeps the plan of each: every statement is
 * prepared, as the service's are, carried out once under EXPLAIN, undone, and carried out again.
 * @param client inside a transaction, with the role that the service uses
 */
function explaining(client: pg.Client): { db: Queryable; plans: SeenPlan[] } {
  const plans: SeenPlan[] = []
  const query = async (
    asked: string | { text: string; values?: unknown[] },
    given: unknown[] = [],
  ) => {
    const { text, values = given } = typeof asked === 'string' ? { text: asked } : asked
    const name = `explained_${plans.length}`
    const literals = values.map(value => literalOf(client, value)).join(', ')
    await client.query(`PREPARE ${name} AS ${text}`)
    await client.query('SAVEPOINT before')
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ${name}${literals && `(${literals})`}`,
    )
    await client.query('ROLLBACK TO SAVEPOINT before')
    plans.push({ text, plan: rows[0]['QUERY PLAN'][0].Plan })
    return client.query(text, values)
  }
  return { db: { query } as Queryable, plans }
}

function literalOf(client: pg.Client, value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  return client.escapeLiteral(textOf(value))
}

function textOf(value: unknown): string {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) {
    return `{${value.map(one => (one === null ? 'NULL' : JSON.stringify(textOf(one)))).join(',')}}`
  }
  return String(value)
}

/**
 * Reports a sequential scan of more than one row, and a statement that reads more than ten times the
 * rows it returns. The tables of the tests are all large, as are those that grow.
 */
function problemsOf({ text, plan }: SeenPlan, works: number): string[] {
  const nodes = allNodes(plan)
  const scans = nodes.filter(
    node => node['Relation Name'] !== undefined && node['Node Type'] !== 'ModifyTable',
  )
  const sequential = scans
    .filter(node => node['Node Type'] === 'Seq Scan' && rowsReadBy(node) > 1)
    .map(node => `a sequential scan of ${node['Relation Name']}`)
  const read = scans.reduce((sum, node) => sum + rowsReadBy(node), 0)
  const returned = Math.max(works, returnedBy(plan))
  const tooMany = read > rowsPerReturnedMax * returned ? [`${read} rows read for ${returned}`] : []
  return [...sequential, ...tooMany].map(
    problem => `${problem}\n${text}\n${nodes.map(lineOf).join('\n')}`,
  )
}

const rowsPerReturnedMax = 10

/** A statement that changes rows returns none of them, unless it is asked to. */
function returnedBy(plan: PlanNode): number {
  const below = plan.Plans?.map(node => node['Actual Rows']) ?? []
  return plan['Node Type'] === 'ModifyTable' ? Math.max(0, ...below) : plan['Actual Rows']
}

function rowsReadBy(node: PlanNode): number {
  const removed =
    (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return (node['Actual Rows'] + removed) * node['Actual Loops']
}

function allNodes(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(allNodes)]
}

function lineOf(node: PlanNode): string {
  const of = node['Relation Name'] === undefined ? '' : ` on ${node['Relation Name']}`
  const removed = node['Rows Removed by Filter'] ?? 0
  return `  ${node['Node Type']}${of}: ${node['Actual Rows']} rows, ${removed} removed, ${node['Actual Loops']} times`
}
