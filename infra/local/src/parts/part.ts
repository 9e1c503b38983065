import type { ProcessSpec } from '../supervisor/process-spec.ts'
import type { KafkaListener } from './kafka-settings.ts'

/** The directories, ports and settings that a part may use. */
export type PartContext = {
  /** Downloads that outlive a reset. */
  toolsDir: string
  /** This part's own data; kept by `npm stop`, wiped by `npm run reset`. */
  dataDir: string
  port: number
  /** Kafka only: the port of its controller listener. */
  controllerPort?: number
  /** Kafka only: further listeners, for clients that come through a proxy. */
  listeners?: readonly KafkaListener[]
  /** That of PostgreSQL's superuser, or that of Redis. */
  password?: string
  /** The caller's environment (PATH, JAVA_HOME, proxies for package clients); ours when left out. */
  environment?: Readonly<Record<string, string | undefined>>
  /** Takes a line of progress for a person. */
  report: (line: string) => void
}

/** A search without `report` fetches nothing, so it has nothing to report. */
export type SearchContext = Pick<PartContext, 'toolsDir' | 'environment'> &
  Partial<Pick<PartContext, 'report'>>

/** How a part will be run on this machine, found without changing it. */
export type Found =
  | { how: 'native'; version: string; from: string; run: Readonly<Record<string, string>> }
  | { how: 'docker'; version: string; image: string }

/** Nothing runs the part here: why each candidate failed, and the command that gets one. */
export type Missing = { how: 'missing'; needed: string; reasons: readonly string[]; fix: string }

/** One real part of the system. Each has its own file in this folder. */
export type Part = {
  name: 'postgres' | 'redis' | 'kafka'
  /** Looks, fetches what a package client can bring, and tells how the part will run. */
  find: (context: PartContext) => Promise<Found | Missing>
  /** Prepares the data directory (idempotent) and returns the process to supervise. */
  start: (context: PartContext, found: Found) => Promise<ProcessSpec>
}
