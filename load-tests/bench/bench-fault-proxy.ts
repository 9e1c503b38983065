import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repoRoot } from '@nightshift/local/system/state'
import type { Figures } from '../reporting/figures.ts'
import type { Bench, BenchOptions } from './bench.ts'

type Line = Figures & Readonly<{ p50Ms: number }>
type Read = Readonly<{ way: 'direct' | 'proxied'; line: Line }>

const program = join(repoRoot, 'infra/faults/bench/measure-cost.ts')
/** Time for an arm besides its seconds: it also transfers a GiB in bulk. */
const armExtraMs = 30_000

/** Compares requests that go straight to a server with requests through a fault proxy without faults. */
export const benchFaultProxy: Bench = {
  name: 'fault-proxy',
  result: 'fault-proxy-cost',
  title: 'What a connection costs that goes through the fault proxy',
  async measure(options) {
    const read = await readLines(options)
    const linesOf = (chosen: Read['way']) =>
      read.filter(({ way }) => way === chosen).map(({ line }) => line)
    const direct = linesOf('direct')
    const proxied = linesOf('proxied').map((line, round) => ({
      ...line,
      addedP50Ms: toMicros(line.p50Ms - (direct[round]?.p50Ms ?? Number.NaN)),
    }))
    return { arms: { direct, proxied } }
  },
}

/** Reads the lines that the program prints. @throws when it fails, or takes too long */
async function readLines({ rounds, seconds, say }: BenchOptions): Promise<Read[]> {
  const args = [program, '--rounds', String(rounds), '--seconds', String(seconds)]
  const timeout = rounds * 2 * (seconds * 1_000 + armExtraMs)
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout })
  const ended = once(child, 'exit')
  const read: Read[] = []
  for await (const text of createInterface({ input: child.stdout })) {
    const { way, round, ...line } = JSON.parse(text)
    say(`round ${round} of ${rounds}, ${way}: ${line.p50Ms} ms, ${line.bulkMBPerSecond} MB/s`)
    read.push({ way, line })
  }
  const [code, signal] = await ended
  if (code !== 0) throw new Error(`measuring ended with ${code ?? signal}`)
  return read
}

function toMicros(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
