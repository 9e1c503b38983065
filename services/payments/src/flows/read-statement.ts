import type { StatementFilter, StatementLine } from '../store/statements.ts'

export type StatementDeps = {
  balanceBefore: (filter: Omit<StatementFilter, 'limit'>) => Promise<bigint>
  lines: (filter: StatementFilter) => Promise<Omit<StatementLine, 'balanceCents'>[]>
}

export type Statement = {
  openingBalanceCents: bigint
  lines: StatementLine[]
  /** Absent: this page is the last of the month. */
  nextAfter: string | undefined
}

/** A page of what a tenant paid and got back in a month, with the balance after each line. */
export async function readStatement(
  deps: StatementDeps,
  asked: { tenantId: string; month: string; afterLine: string | undefined; limit: number },
): Promise<Statement> {
  const { tenantId, afterLine, limit } = asked
  const filter = { tenantId, afterLine, ...boundsOf(asked.month) }
  const openingBalanceCents = await deps.balanceBefore(filter)
  // One more than asked for says whether there is another page.
  const found = await deps.lines({ ...filter, limit: limit + 1 })
  let balanceCents = openingBalanceCents
  const lines = found.slice(0, limit).map(line => {
    balanceCents += line.amountCents
    return { ...line, balanceCents }
  })
  const nextAfter = found.length > limit ? lines.at(-1)?.line : undefined
  return { openingBalanceCents, lines, nextAfter }
}

/** @param month as 2026-11, in UTC */
function boundsOf(month: string): { from: Date; before: Date } {
  const from = new Date(`${month}-01T00:00:00Z`)
  return { from, before: new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 1)) }
}
