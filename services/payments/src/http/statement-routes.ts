import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { StatementQuery, StatementResponse } from '@nightshift/contracts/payments-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { sendProblem } from '@nightshift/runtime/http/problem'
import { deadlineOf, tenantOf } from '@nightshift/runtime/http/request-state'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { readStatement } from '../flows/read-statement.ts'
import type { ReadStatementPage } from '../store/statements.ts'
import { unknownCursor } from './refusals.ts'

export type StatementRoutesDeps = {
  readStatementPage: (
    page: Parameters<ReadStatementPage>[0],
    deadline: Deadline,
  ) => ReturnType<ReadStatementPage>
  pageDefault: number
}

/** The route for callers with an API key that shows the statement of a month. */
export const statementRoutes: FastifyPluginAsyncTypebox<{ deps: StatementRoutesDeps }> = async (
  app,
  { deps },
) => {
  const schema = {
    summary: 'The payments and refunds of the caller in a month, with a running balance',
    querystring: StatementQuery,
    response: { 200: StatementResponse, ...problemResponses },
  }
  app.get(
    '/v1/statements',
    { schema, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { month, after: afterLine, limit = deps.pageDefault } = request.query
      const filter = { tenantId: tenantOf(request), month, afterLine, limit }
      const read: ReadStatementPage = each => deps.readStatementPage(each, deadlineOf(request))
      const page = await readStatement(read, filter)
      if (page.kind === 'unknown_cursor') return sendProblem(request, reply, unknownCursor)
      return {
        month,
        currency: 'EUR' as const,
        openingBalanceCents: String(page.openingBalanceCents),
        lines: page.lines.map(line => ({
          ...line,
          postedAt: line.postedAt.toISOString(),
          amountCents: String(line.amountCents),
          taxCents: String(line.taxCents),
          balanceCents: String(line.balanceCents),
        })),
        ...(page.nextAfter === undefined
          ? { closingBalanceCents: String(page.closingBalanceCents) }
          : { nextAfter: page.nextAfter }),
      }
    },
  )
}
