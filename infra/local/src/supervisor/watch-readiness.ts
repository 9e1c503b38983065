import { setTimeout as sleep } from 'node:timers/promises'
import { probeWithNote } from './probe.ts'
import type { ProcessSpec } from './process-spec.ts'

export type Readiness = Readonly<
  | { is: 'ready'; note?: string }
  | { is: 'unready'; reason: string }
  | { is: 'late'; reason: string }
>

const probeSoonMs = 100
const probeReadyMs = 2_000
const probeTimeoutMs = 1_000

/**
 * Probes one instance until `over`, and reports every change. `late` is reported at most once and
 * ends the watch: the process was not ready within its start timeout. A process that was ready
 * before is never late, only unready: it may be paused, or wait for a part that is down.
 */
export async function watchReadiness(
  spec: ProcessSpec,
  over: AbortSignal,
  report: (readiness: Readiness) => void,
): Promise<void> {
  const deadline = Date.now() + spec.startTimeoutMs
  let wasReady = false
  let hasBeenReady = false
  let lastNote: string | undefined
  while (!over.aborted) {
    const { isReady, note } = await probeWithNote(spec.ready, probeTimeoutMs)
    if (over.aborted) return
    const reason = `${probedAddress(spec)} does not answer`
    const isNews = !wasReady || note !== lastNote
    if (isReady && isNews) report({ is: 'ready', ...(note !== undefined && { note }) })
    if (!isReady && wasReady) report({ is: 'unready', reason })
    wasReady = isReady
    lastNote = note
    hasBeenReady ||= isReady
    if (!hasBeenReady && Date.now() >= deadline) {
      const seconds = spec.startTimeoutMs / 1000
      return report({ is: 'late', reason: `${reason}, ${seconds} s after the start` })
    }
    const pauseMs = isReady ? probeReadyMs : probeSoonMs
    await sleep(pauseMs, undefined, { signal: over }).catch(ignoreAbort)
  }
}

/** For `catch` on a wait that an abort may cut short; any other error is thrown on. */
export function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}

/** The probed address, without the password that a database URL carries. */
function probedAddress({ ready }: ProcessSpec): string {
  switch (ready.kind) {
    case 'http':
      return ready.url
    case 'postgres':
      return `PostgreSQL at ${new URL(ready.url).host}`
    case 'redis':
      return `Redis at port ${ready.port}`
    case 'kafka':
      return `Kafka at ${ready.broker}`
  }
}
