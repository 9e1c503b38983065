import type { FastifyPluginAsync } from 'fastify'
import { limits } from './limits.ts'
import { type JudgedMetadata, judgedMetadata, type ProviderLog } from './log/provider-log.ts'

const integer = { type: 'string', pattern: '^[0-9]{1,9}$' }
const metadataValue = { type: 'string', minLength: 1, maxLength: 500 }
const query = {
  type: 'object',
  additionalProperties: false,
  properties: {
    payment_id: metadataValue,
    publication_id: metadataValue,
    refund_id: metadataValue,
    after: integer,
    limit: integer,
  },
}

/** What really happened, for judges: read only, a page at a time. */
export const providerLogRoutes: FastifyPluginAsync<{ truth: ProviderLog }> = async (
  app,
  { truth },
) => {
  app.get<{
    Querystring: { [Name in JudgedMetadata]?: string } & { after?: string; limit?: string }
  }>('/log', { schema: { querystring: query } }, async request => {
    const { after = 0, limit = limits.logPageDefault, ...filters } = request.query
    const name = judgedMetadata.find(one => filters[one] !== undefined)
    const value = name && filters[name]
    const metadata = name && value !== undefined ? { name, value } : undefined
    const count = Math.min(Math.max(1, Number(limit)), limits.logPageMax)
    return truth.page({ metadata, after: Number(after), limit: count })
  })
}
