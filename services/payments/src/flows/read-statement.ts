import type { ReadStatementPage, StatementLine } from '../store/statements.ts'

export type Statement =
  | {
      kind: 'page'
      openingBalanceCents: bigint
      lines: (StatementLine & {
        /** All lines since the beginning, with this one. */
        balanceCents: bigint
      })[]
      /** After all lines so far; the month's own once there is no other page. */
      closingBalanceCents: bigint
      /** Absent: this page is the last of the month. */
      nextAfter: string | undefined
    }
  | { kind: 'no_such_place' }

/** A page of what a tenant paid and got back in a month, with the balance after each line. */
export async function readStatement(
  readPage: ReadStatementPage,
  asked: { tenantId: string; month: string; afterLine: string | undefined; limit: number },
): Promise<Statement> {
  const { tenantId, afterLine, limit } = asked
  // One more than asked for says whether there is another page.
  const month = boundsOf(asked.month)
  const found = await readPage({ tenantId, afterLine, ...month, limit: limit + 1 })
  if (!found) return { kind: 'no_such_place' }
  const { openingBalanceCents } = found
  let balanceCents = openingBalanceCents
  const lines = found.lines.slice(0, limit).map(line => {
    balanceCents += line.amountCents
    return { ...line, balanceCents }
  })
  const nextAfter = found.lines.length > limit ? lines.at(-1)?.line : undefined
  return { kind: 'page', openingBalanceCents, lines, closingBalanceCents: balanceCents, nextAfter }
}

/** @param month as 2026-11, in UTC */
function boundsOf(month: string): { from: Date; before: Date } {
  const from = new Date(`${month}-01T00:00:00Z`)
  return { from, before: new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 1)) }
}
