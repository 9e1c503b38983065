import { once } from 'node:events'
import { connect } from 'node:net'
import pg from 'pg'
import { askMetadata } from '../parts/kafka-metadata.ts'
import type { Probe } from './process-spec.ts'

/**
 * Asks a process whether it can do its work: not whether a port is open, but whether an answer
 * comes. Anything but the right answer within the time is a no; it never throws.
 */
export async function probe(question: Probe, timeoutMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    return await ask(question, timeoutMs, signal)
  } catch {
    return false // refused, reset, timed out: to a probe they are all the same
  }
}

async function ask(question: Probe, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  switch (question.kind) {
    case 'http':
      return askHttp(question.url, signal)
    case 'postgres':
      return askPostgres(question.url, timeoutMs)
    case 'redis':
      return askRedis(question.port, signal)
    case 'kafka':
      return askKafka(question.broker, signal)
  }
}

async function askHttp(url: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(url, { signal, redirect: 'manual' })
  await response.arrayBuffer() // an unread body would keep the connection
  return response.status === 200
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
    return answer === '+PONG\r\n'
  } finally {
    socket.destroy()
  }
}

/** Ready means that a controller is in charge and has let this broker in: topics have leaders. */
async function askKafka(broker: string, signal: AbortSignal): Promise<boolean> {
  const { hostname, port } = new URL(`kafka://${broker}`)
  const { brokers, controllerId } = await askMetadata(hostname, Number(port), signal)
  return (
    brokers.some(({ nodeId }) => nodeId === controllerId) &&
    brokers.some(({ host, port }) => `${host}:${port}` === broker)
  )
}
