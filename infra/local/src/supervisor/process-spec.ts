/**
 * What the supervisor is asked to keep running. Plain data, because it travels to the supervisor
 * as JSON: the command that starts the system ends, the supervisor stays.
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
  /** Where a person would look at it; shown in the table. */
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

/** A question with a yes or a no. Data too; `probe.ts` knows how to ask it. */
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
  /**
   * In words for a person: why it is not ready (how it ended, or what does not answer), or what
   * stands still although it is ready.
   */
  reason?: string
  log: string
}
