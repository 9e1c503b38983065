import { once } from 'node:events'
import { connect } from 'node:net'
import pg from 'pg'
import type { Probe } from './process-spec.ts'

/**
 * Asks a process whether it can do its work: not whether a port is open, but whether an answer
 * comes. Anything but the right answer within the time is a no; it never throws.
 */
export async function probe(question: Probe, timeoutMs: number): Promise<boolean> {
  return (await probeWithNote(question, timeoutMs)).isReady
}

/** The same with a note of a ready process: some of its work may make no progress. */
export async function probeWithNote(question: Probe, timeoutMs: number): Promise<Probed> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    return await ask(question, timeoutMs, signal)
  } catch {
    return { isReady: false } // refused, reset, timed out: to a probe they are all the same
  }
}

type Probed = { isReady: boolean; note?: string }

async function ask(question: Probe, timeoutMs: number, signal: AbortSignal): Promise<Probed> {
  switch (question.kind) {
    case 'http':
      return askHttp(question.url, signal)
    case 'postgres':
      return { isReady: await askPostgres(question.url, timeoutMs) }
    case 'redis':
      return { isReady: await askRedis(question.port, signal) }
    case 'kafka':
      return { isReady: await askKafka(question.broker, timeoutMs, signal) }
  }
}

async function askHttp(url: string, signal: AbortSignal): Promise<Probed> {
  const response = await fetch(url, { signal, redirect: 'manual' })
  const body = await response.text() // an unread body would keep the connection
  if (response.status !== 200) return { isReady: false }
  const note = noteIn(body)
  return { isReady: true, ...(note !== undefined && { note }) }
}

/** The seconds are left out, so that an unchanged note is reported once. */
function noteIn(body: string): string | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return undefined // a process may answer in another format
  }
  const { stalled } = (parsed ?? {}) as { stalled?: unknown }
  if (!Array.isArray(stalled) || stalled.length === 0) return undefined
  const topics = stalled.map(stall => String((stall as { topic?: unknown } | null)?.topic))
  return `no progress on ${topics.join(', ')}`
}

async function askPostgres(url: string, timeoutMs: number): Promise<boolean> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  client.on('error', () => {}) // a server that dies now also fails the query, which is the answer
  try {
    await client.connect()
    await client.query('SELECT 1')
    return true
  } finally {
    await client.end()
  }
}

async function askRedis(port: number, signal: AbortSignal): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port, signal })
  try {
    socket.setEncoding('utf8').write('PING\r\n')
    const [answer] = await once(socket, 'data', { signal })
    // One that asks for its password is up.
    return answer === '+PONG\r\n' || String(answer).startsWith('-NOAUTH')
  } finally {
    socket.destroy()
  }
}

/**
 * Ready means that a controller is in charge and has let this broker in: topics have leaders. One
 * connection with one request is cheaper than the admin client, which also asks for the API versions.
 * The library is loaded at the first question, because loading it takes half a second and 50 MiB.
 */
async function askKafka(broker: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { Connection, metadataV1 } = await import('@platformatic/kafka')
  const { hostname, port } = new URL(`kafka://${broker}`)
  const limits = { connectTimeout: timeoutMs, requestTimeout: timeoutMs }
  const connection = new Connection('probe', limits)
  connection.on('error', () => {}) // the same error rejects the call under way
  // Each limit holds for one step; the signal ends the whole question.
  signal.addEventListener('abort', () => void connection.close(), { once: true })
  try {
    await connection.connect(hostname, Number(port))
    const noTopics: string[] = []
    const { brokers, controllerId } = await metadataV1.api.async(connection, noTopics)
    return (
      brokers.some(({ nodeId }) => nodeId === controllerId) &&
      brokers.some(({ host, port }) => `${host}:${port}` === broker)
    )
  } finally {
    await connection.close()
  }
}
