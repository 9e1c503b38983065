import { Problem } from '@nightshift/contracts/problem'
import { waitUntil } from '@nightshift/local/wait-until'
import { Check } from 'typebox/value'
import { expect } from 'vitest'
import type { AttackedApp } from './attacked-app.ts'
import type { RawAnswer } from './raw-http.ts'

/** In everything that is sent, and in nothing that comes back. */
export const marker = 'm4rk3r'

export const host = 'Host: nightshift\r\n'
export const json = 'Content-Type: application/json\r\n'
export const valid = JSON.stringify({ name: 'a name', count: 1 })

export function get(path: string, headers = host) {
  return `GET ${path} HTTP/1.1\r\n${headers}\r\n`
}

export function post(body: string | Uint8Array, type = json, path = '/things') {
  const head = `POST ${path} HTTP/1.1\r\n${host}${type}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

export function postChunked(chunks: string) {
  return `POST /things HTTP/1.1\r\n${host}${json}Transfer-Encoding: chunked\r\n\r\n${chunks}`
}

/** @param attacked the app, which is opened later than this is called */
export function refusalsOf(attacked: () => AttackedApp) {
  function linesOf(requestId: unknown) {
    return attacked().lines.filter(line => line['requestId'] === requestId)
  }

  /** What every refusal owes: the form, the log line, and to keep to itself what it was sent. */
  async function expectRefusal(answer: RawAnswer, status: number, slug: string) {
    expect([answer.status, answer.json?.['type']]).toEqual([status, `/problems/${slug}`])
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(Check(Problem, answer.json)).toBe(true)
    expect(answer.json?.['status']).toBe(status)
    expect(answer.body).not.toContain(marker)
    const id = answer.json?.['instance']
    expect(await waitUntil(() => linesOf(id).length > 0, 2_000, 5)).toBe(true)
    expect(linesOf(id).map(line => [line['event'], line['status']])).toEqual([
      ['http.request', status],
    ])
  }

  return { linesOf, expectRefusal }
}
