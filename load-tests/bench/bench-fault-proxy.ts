import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repoRoot } from '@nightshift/local/system/state'
import type { Figures } from '../reporting/spread.ts'
import type { Bench, BenchOptions } from './bench.ts'

type Line = Figures & Readonly<{ p50Ms: number }>
type Read = Readonly<{ way: 'direct' | 'proxied'; line: Line }>

const program = join(repoRoot, 'infra/faults/bench/measure-cost.ts')
/** For each arm of a round, besides its seconds: a GiB in bulk, and some air. */
const armAirMs = 30_000

/** Requests that go straight to a server, and the same through the fault proxy without toxics. */
export const benchFaultProxy: Bench = {
  name: 'fault-proxy',
  result: 'fault-proxy-cost',
  title: 'What a connection costs that goes through the fault proxy',
  async measure(options) {
    const read = await readLines(options)
    const linesOf = (wanted: Read['way']) =>
      read.filter(({ way }) => way === wanted).map(({ line }) => line)
    const direct = linesOf('direct')
    const proxied = linesOf('proxied').map((line, round) => ({
      ...line,
      addedP50Ms: toMicros(line.p50Ms - (direct[round]?.p50Ms ?? Number.NaN)),
    }))
    return { arms: { direct, proxied } }
  },
}

/** What the program prints, line by line. @throws when it ends otherwise than well, or too late */
async function readLines({ rounds, seconds, say }: BenchOptions): Promise<Read[]> {
  const args = [program, '--rounds', String(rounds), '--seconds', String(seconds)]
  const timeout = rounds * 2 * (seconds * 1_000 + armAirMs)
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
