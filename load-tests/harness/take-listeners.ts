import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ListenerPorts } from '@nightshift/local/ports/ports'
import type { TestParts } from './test-parts.ts'

/** Listeners of Kafka that are nobody else's until they are given back. */
export type TakenListeners = Readonly<{ ports: ListenerPorts; giveBack: () => Promise<void> }>

/**
 * Takes listeners for one system with links. A directory says that they are taken: of several test
 * workers that make the same one at the same time, one succeeds. Throws when none are free.
 */
export async function takeListeners({
  stateDir,
  listenerPorts,
}: Pick<TestParts, 'stateDir' | 'listenerPorts'>): Promise<TakenListeners> {
  for (const ports of listenerPorts) {
    const mark = join(stateDir, 'listeners', String(ports.paymentsToKafka))
    await mkdir(join(stateDir, 'listeners'), { recursive: true })
    if (await isMade(mark)) return { ports, giveBack: () => rm(mark, { recursive: true }) }
  }
  throw new Error(
    `${listenerPorts.length} systems with links run on these parts, and Kafka has no listeners for another`,
  )
}

async function isMade(directory: string): Promise<boolean> {
  try {
    await mkdir(directory)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}
