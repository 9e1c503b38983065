import { Readable } from 'node:stream'
import type { FastifyPluginAsync } from 'fastify'
import { invalidParam } from '../answers/api-error.ts'
import { sendAnswer } from '../answers/operation-answer.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { Settlement } from '../store/settlement.ts'
import { settlementColumns } from '../store/settlement.ts'
import { requireKey } from './authorize.ts'

const moment = { type: 'string', minLength: 1, maxLength: 40 }
const query = {
  type: 'object',
  additionalProperties: false,
  properties: { from: moment, to: moment },
}
type Query = { from?: string; to?: string }

/** The settlement file of a period: JSON for who asks for it, CSV for all others. */
export const settlementRoutes: FastifyPluginAsync<{
  settlement: Settlement
  truth: Pick<ProviderLog, 'line'>
  secretKey: string
}> = async (app, { settlement, truth, secretKey }) => {
  app.addHook('onRequest', requireKey(secretKey))

  app.get<{ Querystring: Query }>(
    '/settlement',
    { schema: { querystring: query } },
    async (request, reply) => {
      const { from = '1970-01-01', to = new Date().toISOString() } = request.query
      const period = { from: Date.parse(from), to: Date.parse(to) }
      const wrong = (['from', 'to'] as const).find(name => Number.isNaN(period[name]))
      if (wrong !== undefined) {
        const message = `${wrong} must be a date or a moment of ISO 8601`
        return sendAnswer(reply, invalidParam(wrong, 'parameter_invalid_string', message))
      }
      const rows = settlement.rows(truth.line, period.from, period.to)
      const asJson = request.headers.accept?.includes('application/json') === true
      reply.header('vary', 'accept')
      reply.type(asJson ? 'application/json; charset=utf-8' : 'text/csv; charset=utf-8')
      return reply.send(Readable.from(asJson ? jsonOf(rows) : csvOf(rows)))
    },
  )
}

type Rows = ReturnType<Settlement['rows']>

async function* jsonOf(rows: Rows): AsyncGenerator<string> {
  yield '{"rows":['
  let comma = ''
  for await (const some of rows) {
    yield some.map((row, index) => `${index === 0 ? comma : ','}\n${JSON.stringify(row)}`).join('')
    comma = ','
  }
  yield '\n]}\n'
}

async function* csvOf(rows: Rows): AsyncGenerator<string> {
  yield `${settlementColumns.join(',')}\n`
  for await (const some of rows) {
    yield some
      .map(row => `${settlementColumns.map(name => csvCell(row[name])).join(',')}\n`)
      .join('')
  }
}

/** Quoted where a comma, a quote or a line break would be read as the end of it. */
function csvCell(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
