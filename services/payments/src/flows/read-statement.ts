import type { ReadStatementPage, StatementLine } from '../store/statements.ts'

export type Statement =
  | {
      kind: 'page'
      openingBalanceCents: bigint
      lines: (StatementLine & {
        /** The sum of all lines up to this one, earlier months included. */
        balanceCents: bigint
      })[]
      /** The balance after this page. On the last page it is the balance of the month. */
      closingBalanceCents: bigint
      /** Undefined on the last page of the month. */
      nextAfter: string | undefined
    }
  | { kind: 'unknown_cursor' }

/** A page of the payments and refunds of a tenant in a month, with the balance after each line. */
export async function readStatement(
  readPage: ReadStatementPage,
  page: { tenantId: string; month: string; afterLine: string | undefined; limit: number },
): Promise<Statement> {
  const { tenantId, afterLine, limit } = page
  const month = `${page.month}-01`
  // One line more than needed shows whether there is another page.
  const found = await readPage({ tenantId, month, afterLine, limit: limit + 1 })
  if (!found) return { kind: 'unknown_cursor' }
  const { openingBalanceCents } = found
  let balanceCents = openingBalanceCents
  const lines = found.lines.slice(0, limit).map(line => {
    balanceCents += line.amountCents
    return { ...line, balanceCents }
  })
  const nextAfter = found.lines.length > limit ? lines.at(-1)?.line : undefined
  return { kind: 'page', openingBalanceCents, lines, closingBalanceCents: balanceCents, nextAfter }
}
