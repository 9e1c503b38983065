import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { waitUntil } from '../../wait-until.ts'

const secret = 'whsec_test_only'

/** A webhook as it came in; `signed` tells whether its signature is right, by our own reckoning. */
export type Received = {
  // biome-ignore lint/suspicious/noExplicitAny: each test asserts on the event it caused
  event: any
  body: string
  signature: string
  signed: boolean
  signedAtMs: number
}

/** Somebody who is called back. */
export type Receiver = AsyncDisposable &
  Readonly<{
    /** The settings of a provider that shall call here. */
    env: Readonly<Record<string, string>>
    /** What came for a payment, in the order of arrival. */
    of: (payment: string) => Received[]
    /** Waits until so many came for a payment. */
    waitFor: (payment: string, count: number) => Promise<Received[]>
    /** From now on every webhook is answered so; `null`: not at all. */
    answer: (status: number | null) => void
  }>

/** Listens on this port, or on one that is free. */
export async function openReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = []
  let answer: number | null = 200
  const server = createServer(async (request, response) => {
    const body = await text(request)
    received.push({ event: JSON.parse(body), body, ...verify(request, body) })
    if (answer !== null) response.writeHead(answer).end()
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const { port: bound } = server.address() as AddressInfo

  const of = (payment: string) =>
    received.filter(({ event }) => event.data.object.metadata.payment_id === payment)
  return {
    env: { WEBHOOK_URL: `http://127.0.0.1:${bound}/webhooks`, WEBHOOK_SECRET: secret },
    of,
    waitFor: (payment, count) =>
      waitUntil(`${count} webhooks came`, () => {
        const all = of(payment)
        return all.length >= count ? all : undefined
      }),
    answer(status) {
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
