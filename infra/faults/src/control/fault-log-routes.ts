import type { FastifyError, FastifyPluginAsync } from 'fastify'
import type { Control } from './control.ts'
import { noteTooLong } from './parse-note.ts'

/** Takes down faults that others make, and says which ones are under way. */
export const faultLogRoutes: FastifyPluginAsync<{ control: Control }> = async (
  app,
  { control },
) => {
  // What is too long for a line is refused in one way, also when it was not even read.
  app.setErrorHandler<FastifyError>(async error => {
    throw error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? noteTooLong() : error
  })
  app.post('/fault-log', async (request, reply) =>
    reply.code(201).send(await control.note(request.body)),
  )
  app.get('/fault-log/open', async () => control.underWay())
}
