import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { ServiceName } from '@nightshift/local/system/secrets'
import type { PartName } from '@nightshift/local/system/start-parts'
import type { ProcessName } from '@nightshift/local/system/topology'
import type { Faults } from '../open-faults.ts'

/** Whatever the supervisor keeps running. */
export type BreakableName = ProcessName | PartName

/** The outside parties that have settings. */
export const simulatorNames = ['card-provider', 'mailbox'] as const
export type SimulatorName = (typeof simulatorNames)[number]

/** The system that is to be broken: the running one, or one of a test. */
export type InjectorTarget = Readonly<{
  client: ControlClient
  /** At the supervisor. Tests put a prefix before the names of their own processes. */
  nameOf: (name: BreakableName) => string
  faults: Faults
  /** With all rights. */
  databaseUrl: (service: ServiceName) => string
  redisUrl: string
  simulatorUrl: (board: SimulatorName) => string
}>

/** How long it took until it was ready again. */
export type Back = Readonly<{ backAfterMs: number }>
