import type { Reconcile } from './types.ts'

/** There is no job: whoever wants the outcome sends the request again. Most clients do. */
export const leaveItToClients: Reconcile = async () => 0
