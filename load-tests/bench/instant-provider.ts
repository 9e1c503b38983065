/**
 * A card provider that takes no time and keeps nothing: for measuring what a payment costs us, and for
 * nothing else. It prints the port that it has been given. The one that judges writes every charge to disk before it answers.
 */
import { createServer } from 'node:http'

let charges = 0

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    charges += 1
    const body = JSON.stringify({
      id: `pi_${process.pid}_${charges}`,
      status: 'succeeded',
      latest_charge: { balance_transaction: { fee: 164 } },
    })
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    response.end(body)
  })
})
server.keepAliveTimeout = 60_000
process.once('SIGTERM', () => {
  server.closeAllConnections()
  server.close()
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' ? address?.port : address)
})
