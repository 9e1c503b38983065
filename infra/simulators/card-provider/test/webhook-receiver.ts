import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { waitUntil } from '../../wait-until.ts'

const secret = 'whsec_test_only'

/** A webhook as it came in. `signed` says whether its signature is right, as the test computes it. */
export type Received = {
  // biome-ignore lint/suspicious/noExplicitAny: each test asserts on the event it caused
  event: any
  body: string
  signature: string
  signed: boolean
  signedAtMs: number
}

export type WebhookReceiver = AsyncDisposable &
  Readonly<{
    /** The environment of a provider that sends its webhooks here. */
    env: Readonly<Record<string, string>>
    /** The webhooks about a payment, in the order of arrival. */
    receivedFor: (payment: string) => Received[]
    /** Waits until so many webhooks about a payment have arrived. */
    waitFor: (payment: string, count: number) => Promise<Received[]>
    /** From now on every webhook gets this status, or no answer with `null`. */
    answerWith: (status: number | null) => void
  }>

export async function openWebhookReceiver(): Promise<WebhookReceiver> {
  const received: Received[] = []
  let answer: number | null = 200
  const server = createServer(async (request, response) => {
    const body = await text(request)
    received.push({ event: JSON.parse(body), body, ...verify(request, body) })
    if (answer !== null) response.writeHead(answer).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo

  const receivedFor = (payment: string) =>
    received.filter(({ event }) => event.data.object.metadata.payment_id === payment)
  return {
    env: { WEBHOOK_URL: `http://127.0.0.1:${port}/webhooks`, WEBHOOK_SECRET: secret },
    receivedFor,
    waitFor: (payment, count) =>
      waitUntil(`${count} webhooks have arrived`, () => {
        const all = receivedFor(payment)
        return all.length >= count ? all : undefined
      }),
    answerWith(status) {
      answer = status
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function verify({ headers }: IncomingMessage, body: string) {
  const signature = String(headers['stripe-signature'])
  const [, seconds = '', digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? ['', '', '']
  const expected = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return { signature, signed: digest === expected, signedAtMs: Number(seconds) * 1_000 }
}
