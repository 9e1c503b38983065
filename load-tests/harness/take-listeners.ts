import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ListenerPorts } from '@nightshift/local/ports/ports'
import type { TestParts } from './test-parts.ts'

/** Kafka listeners that belong to one system until it gives them back. */
export type TakenListeners = Readonly<{ ports: ListenerPorts; giveBack: () => Promise<void> }>

/**
 * Takes listeners for one system with links. A directory marks them as taken: when several test
 * workers make the same directory at the same time, one of them succeeds.
 * @throws when no listeners are free
 */
export async function takeListeners({
  stateDir,
  listenerPorts,
}: Pick<TestParts, 'stateDir' | 'listenerPorts'>): Promise<TakenListeners> {
  for (const ports of listenerPorts) {
    const mark = join(stateDir, 'listeners', String(ports.paymentsToKafka))
    await mkdir(join(stateDir, 'listeners'), { recursive: true })
    if (await makeDirectory(mark)) return { ports, giveBack: () => rm(mark, { recursive: true }) }
  }
  throw new Error(
    `${listenerPorts.length} systems with links run on these parts, and Kafka has no listeners for another`,
  )
}

/** False when the directory exists already. */
async function makeDirectory(directory: string): Promise<boolean> {
  try {
    await mkdir(directory)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
