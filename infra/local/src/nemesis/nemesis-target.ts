import type { Faults } from '@nightshift/faults/open-faults'
import type { ControlClient } from '../supervisor/control-client.ts'
import type { ServiceName } from '../system/secrets.ts'
import type { PartName } from '../system/start-parts.ts'
import type { ProcessName } from '../system/topology.ts'

/** Whatever the supervisor keeps running. */
export type BreakableName = ProcessName | PartName

/** The outside parties that have dials. */
export const dialBoards = ['card-provider', 'mailbox'] as const
export type DialBoard = (typeof dialBoards)[number]

/** The system that is to be broken: the running one, or one of a test. */
export type NemesisTarget = Readonly<{
  client: ControlClient
  /** At the supervisor. Tests put a prefix before the names of their own processes. */
  nameOf: (name: BreakableName) => string
  faults: Faults
  /** With all rights. */
  databaseUrl: (service: ServiceName) => string
  redisUrl: string
  dialsUrl: (board: DialBoard) => string
}>

/** How long it took until it was ready again. */
export type Back = Readonly<{ backAfterMs: number }>
