import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const bulkBytes = 1024 ** 3
const block = Buffer.alloc(64 * 1024)

/** The server of the bench: a small answer, or a GiB at /bulk. Prints its port. */
const server = createServer((request, response) => {
  if (request.url !== '/bulk') {
    response.end('{"status":"ok"}')
    return
  }
  let left = bulkBytes
  const write = () => {
    while (left > 0) {
      left -= block.length
      if (!response.write(block)) return
    }
    response.end()
  }
  response.on('drain', write)
  write()
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
