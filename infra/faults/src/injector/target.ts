import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { ServiceName } from '@nightshift/local/system/secrets'
import type { PartName } from '@nightshift/local/system/start-parts'
import type { ProcessName } from '@nightshift/local/system/topology'
import type { FaultProxyClient } from '../fault-proxy-client.ts'

/** A process that the supervisor keeps running. */
export type TargetName = ProcessName | PartName

/** The simulators that have fault settings. */
export const simulatorNames = ['card-provider', 'mailbox'] as const
export type SimulatorName = (typeof simulatorNames)[number]

/** The system that faults are injected into: the running one, or one of a test. */
export type InjectorTarget = Readonly<{
  client: ControlClient
  /** At the supervisor. Tests put a prefix before the names of their own processes. */
  nameOf: (name: TargetName) => string
  faults: FaultProxyClient
  /** Opens the settings of the simulators. */
  controlToken: string
  /** These URLs have all rights. */
  databaseUrl: (service: ServiceName) => string
  redisUrl: string
  simulatorUrl: (simulator: SimulatorName) => string
}>

/** How long the target took to be ready again. */
export type RecoveryTime = Readonly<{ recoveredAfterMs: number }>
