import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { StatementQuery, StatementResponse } from '@nightshift/contracts/payments-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { sendProblem } from '@nightshift/runtime/http/problem'
import { tenantOf } from '@nightshift/runtime/http/request-state'
import { readStatement } from '../flows/read-statement.ts'
import type { ReadStatementPage } from '../store/statements.ts'
import { noSuchPlace } from './refusals.ts'

export type StatementRoutesDeps = {
  readStatementPage: ReadStatementPage
  pageDefault: number
}

/** For callers with an API key: what a month comes to. */
export const statementRoutes: FastifyPluginAsyncTypebox<{ deps: StatementRoutesDeps }> = async (
  app,
  { deps },
) => {
  const schema = {
    summary: 'What the caller paid and got back in a month, with a running balance',
    querystring: StatementQuery,
    response: { 200: StatementResponse, ...problemResponses },
  }
  app.get(
    '/v1/statements',
    { schema, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { month, after: afterLine, limit = deps.pageDefault } = request.query
      const filter = { tenantId: tenantOf(request), month, afterLine, limit }
      const page = await readStatement(deps.readStatementPage, filter)
      if (page.kind === 'no_such_place') return sendProblem(request, reply, noSuchPlace)
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
