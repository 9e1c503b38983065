import type { TreatSlowClients } from './types.ts'

/**
 * What most teams ship first: the defaults. Node waits 60 s for the head of a request and looks for
 * overdue ones every 30 s; Fastify lets a body and an answer take for ever. When all connections are
 * taken, further ones are closed.
 */
export const leaveItToDefaults: TreatSlowClients = () => ({ settings: {}, watch: () => {} })
