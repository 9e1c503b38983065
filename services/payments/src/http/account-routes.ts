import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import {
  ListPaymentsQuery,
  ListPaymentsResponse,
  StatementQuery,
  StatementResponse,
} from '@nightshift/contracts/payments-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { tenantOf } from '@nightshift/runtime/http/request-state'
import { type ListPayments, listPayments } from '../flows/list-payments.ts'
import { type ReadStatementPage, readStatement } from '../flows/read-statement.ts'
import { paymentResponse } from './payment-answer.ts'

export type AccountRoutesDeps = {
  listPayments: ListPayments
  readStatementPage: ReadStatementPage
  pageDefault: number
}

/** For callers with an API key: what they paid, and what it comes to. */
export const accountRoutes: FastifyPluginAsyncTypebox<{ deps: AccountRoutesDeps }> = async (
  app,
  { deps },
) => {
  const list = {
    summary: 'Payments of the caller, newest first',
    querystring: ListPaymentsQuery,
    response: { 200: ListPaymentsResponse, ...problemResponses },
  }
  app.get(
    '/v1/payments',
    { schema: list, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { after, limit = deps.pageDefault, ...filter } = request.query
      const wanted = { ...filter, tenantId: tenantOf(request), limit }
      const listed = await listPayments(deps.listPayments, wanted, after)
      if (listed.kind === 'no_such_place') return sendProblem(request, reply, noSuchPlace)
      const { payments, nextAfter } = listed
      return { payments: payments.map(paymentResponse), ...(nextAfter && { nextAfter }) }
    },
  )

  const statement = {
    summary: 'What the caller paid and got back in a month, with a running balance',
    querystring: StatementQuery,
    response: { 200: StatementResponse, ...problemResponses },
  }
  app.get(
    '/v1/statements',
    { schema: statement, config: { scope: 'payments:read' } },
    async (request, reply) => {
      const { month, after: afterLine, limit = deps.pageDefault } = request.query
      const asked = { tenantId: tenantOf(request), month, afterLine, limit }
      const page = await readStatement(deps.readStatementPage, asked)
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

const noSuchPlace: Refusal = {
  status: 400,
  slug: 'validation-error',
  title: 'The request does not have the form that is expected',
  errors: [{ pointer: '/after', message: 'must be the nextAfter of a page' }],
}
