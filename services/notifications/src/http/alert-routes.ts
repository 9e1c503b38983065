import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { AlertResponse, SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import { problemResponses } from '@nightshift/contracts/problem'
import { nothingSearchable } from '@nightshift/contracts/search-terms'
import { type Refusal, sendProblem } from '@nightshift/runtime/http/problem'
import { note } from '@nightshift/runtime/http/request-state'
import type { onRequestAsyncHookHandler } from 'fastify'
import type { SavedAlert } from '../flows/save-alert.ts'

export type AlertRoutesDeps = {
  saveAlert: (newAlertId: string, request: SaveAlertRequest) => Promise<SavedAlert>
  /** Refuses a client that saves too many. */
  savingDoor: onRequestAsyncHookHandler
}

const refusals: Readonly<Record<Exclude<SavedAlert['kind'], 'saved'>, Refusal>> = {
  'no-address': {
    status: 400,
    slug: 'validation-error',
    title: 'The request does not have the expected form',
    errors: [{ pointer: '/email', message: 'must be a plain e-mail address' }],
  },
  'nothing-searchable': nothingSearchable,
  'too-many-alerts': {
    status: 422,
    slug: 'too-many-alerts',
    title: 'The address has the maximum number of alerts',
  },
}

/** The public route that saves a search. Mails about new matching listings follow. */
export const alertRoutes: FastifyPluginAsyncTypebox<{ deps: AlertRoutesDeps }> = async (
  app,
  { deps },
) => {
  const save = {
    summary: 'Save an alert. Saving the same alert again has no effect',
    description: 'Mails are sent after the address was confirmed by the link in a first mail.',
    body: SaveAlertRequest,
    response: { 201: AlertResponse, ...problemResponses },
  }
  const route = { config: { public: true }, schema: save, onRequest: deps.savingDoor } as const
  app.post('/v1/alerts', route, async (request, reply) => {
    const saved = await deps.saveAlert(randomUUID(), request.body)
    if (saved.kind !== 'saved') return sendProblem(request, reply, refusals[saved.kind])
    const { alertId } = saved
    note(request, { alertId })
    return reply.code(201).send({ alertId })
  })
}
