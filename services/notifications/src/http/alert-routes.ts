import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AlertResponse, SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { sendProblem } from '@nightshift/runtime/problem'
import { note } from '@nightshift/runtime/request-state'

export type AlertRoutesDeps = {
  /** Answers undefined when the address has as many alerts as it may. */
  saveAlert: (alertId: string, alert: SaveAlertRequest) => Promise<string | undefined>
}

/** For everybody: save a search, and be told of what matches it from then on. */
export const alertRoutes: FastifyPluginAsyncTypebox<{ deps: AlertRoutesDeps }> = async (
  app,
  { deps },
) => {
  const save = {
    summary: 'Save an alert; the same alert twice is one',
    body: SaveAlertRequest,
    response: { 201: AlertResponse, ...problemResponses },
  }
  app.post('/v1/alerts', { config: { public: true }, schema: save }, async (request, reply) => {
    const alertId = await deps.saveAlert(randomUUID(), request.body)
    if (alertId === undefined) {
      return sendProblem(request, reply, {
        status: 422,
        slug: 'too-many-alerts',
        title: 'This address has as many alerts as it may',
      })
    }
    note(request, { alertId })
    return reply.code(201).send({ alertId })
  })
}
