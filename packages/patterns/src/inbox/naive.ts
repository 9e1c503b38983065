import type { RememberEvent } from './inbox.ts'

/**
 * What most teams ship first: the event is applied and not remembered. Every event looks new, so a
 * redelivery repeats its effect. It goes unnoticed until a consumer dies between commit and offset.
 */
export const takeEveryEventForNew = (async () => true) satisfies RememberEvent
