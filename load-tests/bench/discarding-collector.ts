/**
 * A collector of traces that keeps nothing, so that a bench measures what tracing costs the service. It
 * is a process of its own on the same cores, as an agent beside the service would be. This file is both
 * sides of it: `startDiscardingCollector` runs the file, and that process serves.
 */
import { createServer } from 'node:http'
import { runHelper } from './run-helper.ts'

/** Starts the collector; disposing of it ends its process. @throws when it does not start in time */
export function startDiscardingCollector() {
  return runHelper(import.meta.filename)
}

function serve(): void {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{}')
    })
  })
  process.once('SIGTERM', () => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    console.log(typeof address === 'object' ? address?.port : address)
  })
}

if (import.meta.main) serve()
