/**
 * What the runtime logs. Each service and each pattern that logs has a list of its own beside its
 * code. The lists are closed: a word that is in none of them does not compile, so a search for one
 * finds every line of its kind.
 */
export const runtimeLogEvents = [
  // a process
  'service.started',
  'service.stopping',
  'service.draining',
  'service.stopped',
  'service.crashed',
  'configuration.refused',
  'pattern.naive',
  'crashpoint.armed',
  'crashpoint.elsewhere',
  'loop.failed',
  // one line per unit of work
  'http.request',
  'event.consumed',
  // connections
  'postgres.connection_lost',
  'redis.connection_lost',
  'kafka.client',
  'kafka.consumer_restarted',
  'consumer.stalled',
  'consumer.resumed',
] as const

export type RuntimeLogEvent = (typeof runtimeLogEvents)[number]
