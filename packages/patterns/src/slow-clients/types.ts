import type { SlowClients } from '@nightshift/runtime/http/server'
import type { Registry } from 'prom-client'

export type SlowClientLimits = Readonly<{
  /** From the head of a request to its answer. */
  requestBudgetMs: number
  /** Receiving the whole request: a client that sends a byte a second is cut off. */
  receiveMs: number
  /** Sending the whole answer: a client that reads a byte a second is cut off. */
  sendMs: number
  connectionsMax: number
  /** So many are kept free for new clients, by closing those that have been silent for longest. */
  connectionsFreeMin: number
}>

/** Chooses how a server treats clients that are slow or silent. */
export type TreatSlowClients = (limits: SlowClientLimits, registry: Registry) => SlowClients
