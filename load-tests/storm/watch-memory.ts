import { residentMiB } from '@nightshift/local/supervisor/process-table'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { waitUntil } from '@nightshift/local/wait-until'
import type { TestSystem } from '../harness/test-system.ts'

/** The resident memory of one service at one moment (since 1970). */
export type MemorySample = Readonly<{ t: number; service: ServiceName; mebibytes: number }>

const sampleMs = 1_000
/** Longer than any storm. */
const watchMaxMs = 3_600_000

/** Samples the memory of the services about once a second, until it is disposed of. */
export function watchMemory(
  system: Pick<TestSystem, 'status'>,
  services: readonly ServiceName[],
): AsyncDisposable & { samples: readonly MemorySample[] } {
  const samples: MemorySample[] = []
  let isOver = false
  const sampleAll = async () => {
    const states = await Promise.all(services.map(service => system.status(service)))
    for (const [at, service] of services.entries()) {
      const { pid } = states[at] ?? {}
      // A service that is being restarted has no process.
      const mebibytes = pid === undefined ? 0 : await residentMiB([pid])
      if (mebibytes > 0) samples.push({ t: Date.now(), service, mebibytes })
    }
    return isOver
  }
  const watching = waitUntil(sampleAll, watchMaxMs, sampleMs)
  watching.catch(() => undefined) // disposal rethrows the error; until then it must not be unhandled
  return {
    samples,
    async [Symbol.asyncDispose]() {
      isOver = true
      await watching
    },
  }
}

/** The most memory of any service in one span of time, as a share of its most in another. */
export function memoryRatio(
  samples: readonly MemorySample[],
  span: (t: number) => 'before' | 'during' | undefined,
): number {
  const ratios = [...Map.groupBy(samples, ({ service }) => service).values()].map(ofService => {
    const most = (which: 'before' | 'during') =>
      Math.max(...ofService.filter(({ t }) => span(t) === which).map(({ mebibytes }) => mebibytes))
    return most('during') / most('before')
  })
  return Math.max(...ratios)
}
