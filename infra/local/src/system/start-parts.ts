import { join } from 'node:path'
import { kafka } from '../parts/kafka.ts'
import type { KafkaListener } from '../parts/kafka-settings.ts'
import type { Found, Missing, Part, PartContext } from '../parts/part.ts'
import { postgres } from '../parts/postgres.ts'
import { redis } from '../parts/redis.ts'
import type { PortPlan } from '../ports/ports.ts'
import { databaseUrl } from '../prepare/database-url.ts'
import type { ControlClient } from '../supervisor/control-client.ts'
import type { Secrets } from './secrets.ts'
import type { StatePaths } from './state.ts'

export type PartName = Part['name']
const parts: Readonly<Record<PartName, Part>> = { postgres, redis, kafka }
export const partNames = ['postgres', 'redis', 'kafka'] as const

export type PartOptions = Readonly<{
  /** Where downloads are kept. */
  toolsDir: string
  /** One directory per part is made in here. */
  dataDir: StatePaths['data']
  ports: Pick<PortPlan, 'postgres' | 'redis' | 'kafka' | 'kafkaController'>
  /** Unset: no client reaches Kafka through a proxy. */
  kafkaListeners?: readonly KafkaListener[]
  secrets: Secrets
  /** Takes a line of progress for a person. */
  report: (line: string) => void
}>

export type FoundPart = Readonly<{ name: PartName; found: Found }>

/** Looks for these parts side by side, and collects all that are missing. */
export async function findParts(
  names: readonly PartName[],
  options: PartOptions,
): Promise<{ found: FoundPart[]; missing: Missing[] }> {
  const found: FoundPart[] = []
  const missing: Missing[] = []
  await Promise.all(
    names.map(async name => {
      const answer = await parts[name].find(contextOf(name, options))
      if (answer.how === 'missing') missing.push(answer)
      else found.push({ name, found: answer })
    }),
  )
  return { found, missing }
}

/** Starts these parts side by side under a supervisor; answers their process names. */
export async function startParts(
  client: ControlClient,
  foundParts: readonly FoundPart[],
  options: PartOptions,
): Promise<string[]> {
  return Promise.all(
    foundParts.map(async ({ name, found }) => {
      const spec = await parts[name].start(contextOf(name, options), found)
      await client.add(spec)
      return spec.name
    }),
  )
}

/** The URLs of the parts of one plan. */
export function partUrls({ ports, secrets }: Pick<PartOptions, 'ports' | 'secrets'>) {
  const server = `postgres://127.0.0.1:${ports.postgres}`
  return {
    /** This URL has all rights. */
    postgresUrl: databaseUrl(server, {
      database: 'postgres',
      role: 'postgres',
      password: secrets.postgresAdmin,
    }),
    redisUrl: `redis://:${secrets.redis}@127.0.0.1:${ports.redis}`,
    kafkaBrokers: `127.0.0.1:${ports.kafka}`,
  }
}

function contextOf(name: PartName, options: PartOptions): PartContext {
  const { ports, report, kafkaListeners: listeners = [] } = options
  const context = { toolsDir: options.toolsDir, dataDir: join(options.dataDir, name), report }
  switch (name) {
    case 'postgres':
      return { ...context, port: ports.postgres, password: options.secrets.postgresAdmin }
    case 'redis':
      return { ...context, port: ports.redis, password: options.secrets.redis }
    case 'kafka':
      return { ...context, port: ports.kafka, controllerPort: ports.kafkaController, listeners }
  }
}
