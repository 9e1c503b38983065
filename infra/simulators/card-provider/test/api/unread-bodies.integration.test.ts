import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openProviders, type Provider, type Providers } from '../provider.ts'

let providers: Providers
let provider: Provider

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
})
afterAll(() => providers[Symbol.asyncDispose]())

const answerMs = 5_000

/** Sends a whole request whatever is answered meanwhile. Answers the status or the error. */
function statusOf(head: string, bodyBytes: number): Promise<string> {
  const { port } = new URL(provider.url)
  return new Promise(resolve => {
    const socket = connect(Number(port), '127.0.0.1')
    let status = ''
    let isSent = false
    const timer = setTimeout(() => end('no answer in time'), answerMs)
    const end = (result: string) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(result)
    }
    const endWhenBoth = () => {
      if (isSent && status !== '') end(status)
    }
    socket.on('error', error => end(`${status} ${error.message}`))
    socket.on('data', chunk => {
      status ||= chunk.toString('latin1').slice(9, 12)
      endWhenBoth()
    })
    socket.write(`${head} HTTP/1.1\r\nHost: ${new URL(provider.url).host}\r\n`)
    socket.write(`Content-Type: application/json\r\nContent-Length: ${bodyBytes}\r\n\r\n`)
    socket.write(Buffer.alloc(bodyBytes, 'x'), error => {
      if (error) return end(`${status} ${error.message}`)
      isSent = true
      endWhenBoth()
    })
  })
}

test.each([
  ['PATCH /settings', '401'],
  ['POST /nothing', '413'],
  ['POST /v1/payment_intents', '401'],
])('%s: the refusal %s arrives before the connection is closed', async (head, status) => {
  for (const bodyBytes of [90_000, 400_000, 2_000_000]) {
    for (let times = 0; times < 10; times += 1) expect(await statusOf(head, bodyBytes)).toBe(status)
  }
})
