import { request } from 'node:http'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { newAddress } from './candidates.ts'

const perSecond = 5
const burstSeconds = 2
const floodMs = 3_000
const floodersCount = 20
const answerMs = 5_000

let system: TestSystem
beforeAll(async () => {
  const env = { notifications: { ALERTS_PER_CLIENT_PER_SECOND: String(perSecond) } }
  system = await openTestSystem({ parts: inject('parts'), run: ['mailbox', 'notifications'], env })
})
afterAll(() => system[Symbol.asyncDispose]())

/** Loopback has many addresses, and a client may choose which it sends from. */
function saveAlert(localAddress: string): Promise<{ status: number; retryAfter: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      method: 'POST',
      localAddress,
      headers: { 'content-type': 'application/json' },
      timeout: answerMs,
    }
    const sending = request(`${system.urls.notifications}/v1/alerts`, options, answer => {
      answer.resume()
      const retryAfter = String(answer.headers['retry-after'])
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, retryAfter }))
    })
    sending.on('timeout', () => sending.destroy(new Error(`no answer in ${answerMs} ms`)))
    sending.on('error', reject).end(JSON.stringify({ email: newAddress(), text: 'engineer' }))
  })
}

test.runIf(process.platform === 'linux')(
  'a client that floods the alerts is held back, and the alerts of others are saved',
  async () => {
    const untilMs = performance.now() + floodMs
    const flood = async () => {
      const answers: Awaited<ReturnType<typeof saveAlert>>[] = []
      while (performance.now() < untilMs) answers.push(await saveAlert('127.0.0.2'))
      return answers
    }
    const floods = Array.from({ length: floodersCount }, flood)
    const others: number[] = []
    for (let i = 0; i < perSecond; i += 1) others.push((await saveAlert('127.0.0.3')).status)
    const flooded = (await Promise.all(floods)).flat()

    expect(others).toEqual(others.map(() => 201))
    const refused = flooded.filter(({ status }) => status === 429)
    const saved = flooded.filter(({ status }) => status === 201).length
    expect(saved + refused.length).toBe(flooded.length)
    expect(saved).toBeLessThanOrEqual(perSecond * (burstSeconds + floodMs / 1_000 + 1))
    expect(flooded.length).toBeGreaterThan(saved * 5)
    expect(refused.every(({ retryAfter }) => Number(retryAfter) >= 1)).toBe(true)
  },
)
