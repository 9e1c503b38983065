import type { Probes } from '@nightshift/runtime/http/operations-server'
import type { OwnHealth } from '@nightshift/runtime/process/serve'

/** Decides what a process answers to its probes, from what it knows about its health. */
export type HealthChecks = (health: OwnHealth) => Probes
