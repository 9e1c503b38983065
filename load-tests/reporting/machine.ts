import { open, rm } from 'node:fs/promises'
import { cpus, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { median, round } from './figures.ts'

const fsyncRounds = 101
const blockBytes = 8 * 1024

/** Describes the machine that a figure was measured on. Without it, a figure means nothing. */
export async function describeMachine() {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.versions.node,
    fsyncMicros: await measureFsync(),
  }
}

/** The median time of an fdatasync after a write of 8 KiB, which every durable commit waits for. */
async function measureFsync(): Promise<number> {
  const path = join(tmpdir(), `nightshift-fsync-${process.pid}`)
  const file = await open(path, 'w')
  const micros: number[] = []
  try {
    for (let round = 0; round < fsyncRounds; round += 1) {
      await file.write(Buffer.alloc(blockBytes, round), 0, blockBytes, 0)
      const startedMs = performance.now()
      await file.datasync()
      micros.push((performance.now() - startedMs) * 1000)
    }
  } finally {
    await file.close()
    await rm(path, { force: true })
  }
  return median(micros)
}
