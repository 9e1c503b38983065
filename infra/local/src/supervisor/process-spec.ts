/**
 * A process that the supervisor keeps running. Plain data, because it travels to the supervisor as
 * JSON: the command that starts the system ends, the supervisor stays.
 */
export type ProcessSpec = {
  /** Unique within one supervisor; also the name of the log file. */
  name: string
  kind: 'part' | 'simulator' | 'service'
  command: string
  args: readonly string[]
  cwd: string
  /** Added to PATH and HOME; nothing else of the caller's environment is passed on. */
  env: Readonly<Record<string, string>>
  /** The address for a person; shown in the table. */
  url?: string
  /** Ports it will listen on. Checked before the start, so that a taken port is named. */
  ports: readonly number[]
  ready: Probe
  stopSignal: 'SIGTERM' | 'SIGINT'
  /** From the stop signal to SIGKILL of the whole process group. */
  stopGraceMs: number
  /** From the start to the first successful probe; after it the start counts as failed. */
  startTimeoutMs: number
}

/** A question that is answered yes or no; `probe.ts` asks it. */
export type Probe =
  | { kind: 'http'; url: string }
  | { kind: 'postgres'; url: string }
  | { kind: 'redis'; port: number }
  | { kind: 'kafka'; broker: string }

export type ProcessState = 'starting' | 'ready' | 'unready' | 'backing-off' | 'stopped'

/** One line of `npm run status`. */
export type ProcessStatus = {
  name: string
  kind: ProcessSpec['kind']
  state: ProcessState
  url?: string
  pid?: number
  /** Resident memory of the whole process group, in MiB. */
  memoryMiB?: number
  restarts: number
  /** How the instance before this one ended. */
  lastEnd?: string
  /** For a person: why it is not ready, or which topics make no progress although it is. */
  reason?: string
  log: string
}

/**
 * The reverse of the order of start, in waves. Neighbours of one kind were started side by side and
 * do not depend on each other, so they stop side by side. The services are gone before the parts
 * with which they finish their work.
 */
export function stopWaves<T extends { spec: { kind: string } }>(started: readonly T[]): T[][] {
  const waves: T[][] = []
  for (const each of started.toReversed()) {
    const wave = waves.at(-1)
    if (wave?.[0]?.spec.kind === each.spec.kind) wave.push(each)
    else waves.push([each])
  }
  return waves
}
