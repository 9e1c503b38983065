import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { invalidParam } from '../answers/api-error.ts'
import { sendAnswer } from '../answers/operation-answer.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { Settlement } from '../store/settlement.ts'
import { settlementColumns } from '../store/settlement.ts'
import { requireKey } from './authorize.ts'

type Deps = Readonly<{
  settlement: Settlement
  providerLog: Pick<ProviderLog, 'line'>
  secretKey: string
}>

const Moment = Type.String({ minLength: 1, maxLength: 40 })
const Period = Type.Object(
  { from: Type.Optional(Moment), to: Type.Optional(Moment) },
  { additionalProperties: false },
)

/** Serves the settlement of a period as CSV, or as JSON if the request accepts it. */
export const settlementRoutes: FastifyPluginAsyncTypebox<Deps> = async (
  app,
  { settlement, providerLog, secretKey },
) => {
  app.addHook('onRequest', requireKey(secretKey))

  app.get('/settlement', { schema: { querystring: Period } }, async (request, reply) => {
    const { from = '1970-01-01', to = new Date().toISOString() } = request.query
    const period = { from: Date.parse(from), to: Date.parse(to) }
    const invalid = (['from', 'to'] as const).find(name => Number.isNaN(period[name]))
    if (invalid !== undefined) {
      const message = `${invalid} must be a date or a moment of ISO 8601`
      return sendAnswer(reply, invalidParam(invalid, 'parameter_invalid_string', message))
    }
    const rows = settlement.rows(providerLog.line, period.from, period.to)
    const asJson = request.headers.accept?.includes('application/json') === true
    reply.header('vary', 'accept')
    reply.type(asJson ? 'application/json; charset=utf-8' : 'text/csv; charset=utf-8')
    return reply.send(Readable.from(asJson ? jsonOf(rows) : csvOf(rows)))
  })
}

type Rows = ReturnType<Settlement['rows']>

async function* jsonOf(rows: Rows): AsyncGenerator<string> {
  yield '{"rows":['
  let comma = ''
  for await (const batch of rows) {
    yield batch.map((row, index) => `${index === 0 ? comma : ','}\n${JSON.stringify(row)}`).join('')
    comma = ','
  }
  yield '\n]}\n'
}

async function* csvOf(rows: Rows): AsyncGenerator<string> {
  yield `${settlementColumns.join(',')}\n`
  for await (const batch of rows) {
    yield batch
      .map(row => `${settlementColumns.map(name => csvCell(row[name])).join(',')}\n`)
      .join('')
  }
}

/** Quotes a cell in which a comma, a quote or a line break would end the cell. */
function csvCell(value: string | number): string {
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
