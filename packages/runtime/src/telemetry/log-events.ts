/**
 * The closed vocabulary of the logs: what a line is about. A word that is not here does not compile,
 * so a search for one finds every line of its kind.
 */
export const logEvents = [
  // life of a process
  'service.started',
  'service.stopping',
  'service.stopped',
  'service.crashed',
  'pattern.naive',
  'pattern.unaffected',
  'configuration.refused',
  // one line per unit of work
  'http.request',
  'event.consumed',
  'event.dead_lettered',
  'event.retried',
  'payment.reconciled',
  'refund.reconciled',
  'refund.blocked',
  'webhook.refused',
  'webhook.parked',
  'publication.resumed',
  'mail.sent',
  'mail.postponed',
  'mail.failed',
  'mail.suppressed',
  'mail.superseded',
  // the outside
  'breaker.opened',
  'breaker.half_opened',
  'breaker.closed',
  'dependency.bug',
  'postgres.connection_lost',
  'redis.connection_lost',
  'kafka.consumer_restarted',
  'consumer.stalled',
  'consumer.resumed',
  'kafka.client',
  'loop.failed',
] as const

export type LogEvent = (typeof logEvents)[number]
