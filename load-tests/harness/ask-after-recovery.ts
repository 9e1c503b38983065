import type { RecordingClient } from './client.ts'

/** After the fault somebody has to ask, or nobody could say that the system is well again. */
export async function askInCalm(client: RecordingClient): Promise<void> {
  for (const tenant of ['acme', 'northwind', 'lumen'] as const) {
    await client.publish(tenant, await client.draft(tenant))
  }
}
