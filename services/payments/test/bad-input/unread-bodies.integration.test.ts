import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import { type AttackedPayments, openAttackedPayments } from './attacked-payments.ts'

/**
 * An answer that is given before the body was read must be heard. A server that closes the
 * connection while its caller still sends resets it, and the reset can overtake the answer.
 */

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

const timesEach = 10
const answerMs = 10_000

/** The status that is heard before the connection ends, or how it broke. */
function heard(bytes: Buffer): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(attacked.port, '127.0.0.1')
    const timer = setTimeout(() => end(`nothing within ${answerMs} ms`), answerMs)
    const end = (what: string) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(what)
    }
    let broken: string | undefined
    // The body is written until it is all said, whatever was answered meanwhile.
    let status = ''
    let isSaid = false
    const endWhenBoth = () => {
      if (isSaid && status !== '') end(broken ?? status)
    }
    socket.on('error', error => end(`${status} ${error.message}`))
    socket.on('close', () => end(`${status} closed`))
    socket.on('data', chunk => {
      status ||= chunk.toString('latin1').slice(9, 12)
      endWhenBoth()
    })
    socket.write(bytes, error => {
      broken = error?.message
      isSaid = true
      endWhenBoth()
    })
  })
}

describe('a refusal is heard, however much was still to be said', () => {
  test.each<[string, number, Parameters<AttackedPayments['write']>[0]]>([
    ['without a key', 401, { headers: { authorization: null } }],
    ['with another key', 401, { headers: { authorization: 'Bearer nonsense' } }],
    ['of a payment that can not be', 404, { target: '/v1/payments/x/capture' }],
    ['on a path that is not there', 404, { target: '/v1/nothing' }],
    ['by a method that is not there', 405, { method: 'PUT' }],
    ['in another type', 415, { headers: { 'content-type': 'text/plain' } }],
    ['too large', 413, {}],
  ])('%s: %i', async (_what, status, request) => {
    for (const length of [90_000, 400_000, 2_000_000]) {
      const body = JSON.stringify({ ...paymentOf(), filler: 'x'.repeat(length) })
      for (let times = 0; times < timesEach; times += 1) {
        expect(await heard(attacked.write({ ...request, body }))).toBe(String(status))
      }
    }
  })
})
