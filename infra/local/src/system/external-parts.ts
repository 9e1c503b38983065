import { once } from 'node:events'
import { connect } from 'node:net'
import { probe } from '../supervisor/probe.ts'
import type { PartName } from './start-parts.ts'

/** A part that runs elsewhere: named in the environment, used, but never started or stopped. */
export type ExternalPart = Readonly<{ name: PartName; variable: string; value: string }>

const variables = { postgres: 'DATABASE_URL', redis: 'REDIS_URL', kafka: 'KAFKA_BROKERS' } as const
const probeTimeoutMs = 5_000

/** The external parts that the caller's environment names. */
export function externalPartsIn(
  environment: Readonly<Record<string, string | undefined>>,
): ExternalPart[] {
  const names = ['postgres', 'redis', 'kafka'] as const
  return names.flatMap(name => {
    const variable = variables[name]
    const value = environment[variable]
    return value ? [{ name, variable, value }] : []
  })
}

/** Why the part can not be used, in words that name the variable; undefined when it answers. */
export async function problemOf(part: ExternalPart): Promise<string | undefined> {
  if (await answers(part)) return undefined
  return `${part.variable} is set, but ${addressOf(part)} does not answer. Fix it, or unset it.`
}

/** The address without the password that its URL may carry. */
export function addressOf({ name, value }: ExternalPart): string {
  if (name === 'kafka') return value
  return URL.parse(value)?.host ?? 'its address'
}

async function answers({ name, value }: ExternalPart): Promise<boolean> {
  switch (name) {
    case 'postgres':
      return probe({ kind: 'postgres', url: value }, probeTimeoutMs)
    case 'kafka':
      return probe({ kind: 'kafka', broker: value.split(',')[0] ?? '' }, probeTimeoutMs)
    case 'redis':
      return canConnect(value)
  }
}

/** A PING would need the TLS and the password of an external Redis, which only the services have. */
async function canConnect(redisUrl: string): Promise<boolean> {
  const url = URL.parse(redisUrl)
  if (!url) return false
  const signal = AbortSignal.timeout(probeTimeoutMs)
  const socket = connect({ host: url.hostname, port: Number(url.port || 6379), signal })
  try {
    await once(socket, 'connect', { signal })
    return true
  } catch {
    return false // refused, unknown or too late: all of them mean that it does not answer
  } finally {
    socket.destroy()
  }
}
