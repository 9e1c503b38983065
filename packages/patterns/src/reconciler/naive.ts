import type { Reconcile } from './types.ts'

/**
 * There is no job: a client that needs the outcome has to send the request again. Most clients do.
 */
export const leaveItToClients: Reconcile = async () => 0
