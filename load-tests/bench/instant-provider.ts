/**
 * A card provider that takes no time and stores nothing, to measure what a payment costs the services.
 * The real simulator writes every charge to disk before it answers. This file is both sides of it:
 * `startInstantProvider` runs the file as a process of its own, and that process serves.
 */
import { createServer } from 'node:http'
import { createQuota } from '@nightshift/card-provider/quota'
import { runHelper } from './run-helper.ts'

const keepAliveMs = 60_000

/**
 * Starts the provider; disposing of it ends its process.
 * @param quotaPerSecond what it takes; it refuses the rest. 0 means everything.
 * @throws when it does not start in time
 */
export function startInstantProvider(quotaPerSecond = 0) {
  return runHelper(import.meta.filename, String(quotaPerSecond))
}

/** It remembers no charge. A search that is answered otherwise would leave each payment open for ever. */
const nothingFound = JSON.stringify({ object: 'list', data: [] })

/**
 * Answers every charge as successful, or with 429 where it is over the quota, and every search with
 * nothing. It prints the port that it listens on.
 */
function serve(quotaPerSecond: number): void {
  const quota = createQuota(() => performance.now())
  let charges = 0
  const server = createServer((request, response) => {
    const answer = (body: string) => {
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      })
      response.end(body)
    }
    request.resume()
    request.on('end', () => {
      if (request.method === 'GET') return answer(nothingFound)
      const waitSeconds = quota.take(quotaPerSecond, 0)
      if (waitSeconds !== undefined) {
        response.writeHead(429, { 'retry-after': String(waitSeconds), 'content-length': 0 })
        response.end()
        return
      }
      charges += 1
      answer(
        JSON.stringify({
          id: `pi_${process.pid}_${charges}`,
          status: 'succeeded',
          latest_charge: { balance_transaction: { fee: 164 } },
        }),
      )
    })
  })
  server.keepAliveTimeout = keepAliveMs
  process.once('SIGTERM', () => {
    server.closeAllConnections()
    server.close()
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    console.log(typeof address === 'object' ? address?.port : address)
  })
}

if (import.meta.main) serve(Number(process.argv[2]))
