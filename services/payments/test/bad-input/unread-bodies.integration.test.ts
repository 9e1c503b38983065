import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import { type AttackedPayments, openAttackedPayments } from './attacked-payments.ts'

/**
 * A refusal that is sent before the body was read must reach the caller. A server that closes the
 * connection while the caller still sends resets it, and the reset can overtake the answer.
 */

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

const timesEach = 10
const answerMs = 10_000

/** The status that arrives before the connection ends, or how the connection broke. */
function statusOf(bytes: Buffer): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(attacked.port, '127.0.0.1')
    const timer = setTimeout(() => end(`nothing within ${answerMs} ms`), answerMs)
    const end = (what: string) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(what)
    }
    let broken: string | undefined
    // The whole body is written, even if the answer arrives earlier.
    let status = ''
    let isWritten = false
    const endWhenBoth = () => {
      if (isWritten && status !== '') end(broken ?? status)
    }
    socket.on('error', error => end(`${status} ${error.message}`))
    socket.on('close', () => end(`${status} closed`))
    socket.on('data', chunk => {
      status ||= chunk.toString('latin1').slice(9, 12)
      endWhenBoth()
    })
    socket.write(bytes, error => {
      broken = error?.message
      isWritten = true
      endWhenBoth()
    })
  })
}

describe('a refusal arrives although the body was not read', () => {
  test.each<[string, number, Parameters<AttackedPayments['write']>[0]]>([
    ['no API key', 401, { headers: { authorization: null } }],
    ['a wrong API key', 401, { headers: { authorization: 'Bearer nonsense' } }],
    ['a malformed payment id', 404, { target: '/v1/payments/x/capture' }],
    ['an unknown path', 404, { target: '/v1/nothing' }],
    ['an unknown method', 405, { method: 'PUT' }],
    ['another media type', 415, { headers: { 'content-type': 'text/plain' } }],
    ['its size', 413, {}],
  ])('for a request that is refused for %s', async (_what, status, request) => {
    for (const length of [90_000, 400_000, 2_000_000]) {
      const body = JSON.stringify({ ...paymentOf(), filler: 'x'.repeat(length) })
      for (let times = 0; times < timesEach; times += 1) {
        expect(await statusOf(attacked.write({ ...request, body }))).toBe(String(status))
      }
    }
  })
})
