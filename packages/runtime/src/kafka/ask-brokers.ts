import type { Log } from '../telemetry/logger.ts'
import { openKafka } from './client.ts'

/**
 * Asks Kafka for its brokers, over a connection that is closed again: this is for reports about
 * health, which are rare. Calls that come while an answer is awaited share it, so a broker that is
 * silent holds one connection.
 */
export function askBrokers(clientId: string, brokers: string, log: Log): () => Promise<unknown> {
  const kafka = openKafka(`${clientId}-health`, brokers, { retries: 0 }, log)
  let asking: Promise<unknown> | undefined
  const ask = async () => {
    const admin = kafka.admin()
    try {
      await admin.connect()
      return await admin.describeCluster()
    } finally {
      await admin.disconnect()
    }
  }
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}
