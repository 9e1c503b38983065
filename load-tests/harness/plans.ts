import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type pg from 'pg'

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

export type SeenPlan = Readonly<{ text: string; plan: PlanNode }>

/**
 * A database for the statements of a service that keeps the plan of each: every statement is
 * prepared, as the service's are, carried out once under EXPLAIN, undone, and carried out again.
 * @param client inside a transaction, with the role that the service uses
 */
export function explaining(client: pg.Client): { db: Queryable; plans: SeenPlan[] } {
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
 * What is wrong with a plan: a sequential scan of a table that grows, or more rows read than ten times
 * those returned.
 * @param bounded tables that do not grow, so that reading all of them is no mistake
 * @param returnedMin the rows that a statement works on if it returns fewer, such as a count
 */
export function problemsOf(
  { text, plan }: SeenPlan,
  { bounded = [], returnedMin = 1 }: { bounded?: readonly string[]; returnedMin?: number } = {},
): string[] {
  const nodes = allNodes(plan)
  const scanned = nodes.filter(
    node => node['Relation Name'] && !/^ModifyTable|Lock/.test(typeOf(node)),
  )
  const sequential = scanned
    .filter(node => typeOf(node) === 'Seq Scan' && !bounded.includes(node['Relation Name'] ?? ''))
    .map(node => `a sequential scan of ${node['Relation Name']}`)
  const read = scanned
    .filter(node => !bounded.includes(node['Relation Name'] ?? ''))
    .reduce((sum, node) => sum + rowsReadBy(node), 0)
  const returned = Math.max(returnedMin, returnedBy(plan))
  const tooMany = read > rowsPerReturnedMax * returned ? [`${read} rows read for ${returned}`] : []
  return [...sequential, ...tooMany].map(
    problem => `${problem}\n${text}\n${nodes.map(lineOf).join('\n')}`,
  )
}

const rowsPerReturnedMax = 10

function typeOf(node: PlanNode): string {
  return node['Node Type']
}

/** A statement that changes rows returns none of them, unless it is asked to. */
function returnedBy(plan: PlanNode): number {
  const below = plan.Plans?.map(node => node['Actual Rows']) ?? []
  return typeOf(plan) === 'ModifyTable' ? Math.max(0, ...below) : plan['Actual Rows']
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
  return `  ${typeOf(node)}${of}: ${node['Actual Rows']} rows, ${removed} removed, ${node['Actual Loops']} times`
}
