import type { FastifyPluginAsync } from 'fastify'
import type { ReadLog } from '../clients/read-log.ts'
import type { Observer } from '../jobs/observer.ts'
import type { PromiseWatch } from '../jobs/promise-watch.ts'
import { limits } from '../limits.ts'

/** What the page reads: one snapshot, the last minutes, and a stream with each new snapshot. */
export const watchRoutes: FastifyPluginAsync<{
  observer: Observer
  promises: PromiseWatch
  readLog: ReadLog
}> = async (app, { observer, promises, readLog }) => {
  let watching = 0

  app.get('/snapshot', async (_request, reply) => {
    const latest = observer.latest()
    return latest ?? reply.code(503).send({ error: 'nothing was seen yet' })
  })

  app.get('/promises', async () => promises.board())

  app.get('/history', async () => observer.history())

  app.get<{ Params: { name: string } }>('/processes/:name/log', async ({ params }, reply) => {
    const lines = await readLog(params.name)
    return lines === undefined
      ? reply.code(404).send({ error: `no process is called ${params.name}` })
      : { lines }
  })

  /** Server-sent events (WHATWG HTML, section 9.2). A browser connects again by itself. */
  app.get('/events', (request, reply) => {
    if (watching >= limits.http.watchersMax) {
      return reply.code(503).send({ error: 'too many pages watch already' })
    }
    watching += 1
    reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    const send = (event: string, data: object) =>
      raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    send('history', observer.history())
    const latest = observer.latest()
    if (latest) send('snapshot', latest)
    const unwatch = observer.watch(snapshot => {
      // A page that does not read gets no more than it takes.
      if (!raw.writableNeedDrain) send('snapshot', snapshot)
    })
    request.raw.once('close', () => {
      watching -= 1
      unwatch()
      raw.end()
    })
    return reply
  })
}
