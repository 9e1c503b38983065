import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DoorPorts } from '@nightshift/local/system/links'
import type { TestParts } from './test-parts.ts'

/** Doors of Kafka that are nobody else's until they are given back. */
export type TakenDoors = Readonly<{ ports: DoorPorts; giveBack: () => Promise<void> }>

/**
 * Takes doors for one system with links. A directory says that they are taken: of several test
 * workers that make the same one at the same time, one succeeds. Throws when none are free.
 */
export async function takeDoors({
  stateDir,
  doorPorts,
}: Pick<TestParts, 'stateDir' | 'doorPorts'>): Promise<TakenDoors> {
  for (const ports of doorPorts) {
    const mark = join(stateDir, 'doors', String(ports.paymentsToKafka))
    await mkdir(join(stateDir, 'doors'), { recursive: true })
    if (await isMade(mark)) return { ports, giveBack: () => rm(mark, { recursive: true }) }
  }
  throw new Error(
    `${doorPorts.length} systems with links run on these parts, and Kafka has no doors for another`,
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
