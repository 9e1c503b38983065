/**
 * What the runtime logs, and what each line says. Each service and each pattern that logs has a list
 * of its own beside its code. The lists are closed: a word that is in none of them does not compile, so a search for one
 * finds every line of its kind.
 */
export const runtimeLogEvents = {
  'service.started': 'The process serves: its ports are open, and it is ready.',
  'service.stopping': 'A signal asked the process to end. It begins nothing new.',
  'service.draining': 'It is not ready any more and still serves, until the proxy has noticed.',
  'service.stopped': 'Everything is closed. This is the last line of a process that ends in order.',
  'service.crashed': 'An error that nothing caught ended the process, or its start failed.',
  'configuration.refused':
    'Settings are missing or wrong; the line names all of them. The process ends with code 78.',
  'pattern.naive': 'A pattern runs in its naive version or in a variant.',
  'crashpoint.armed': 'CRASH_AT or BLOCK_AT is set, and this process has that place.',
  'crashpoint.elsewhere': 'CRASH_AT or BLOCK_AT is set, and the place is in another service.',
  'loop.failed': 'One round of a job failed. The next one comes after a longer pause.',
  'http.request':
    'One line for a request, however it ended: route, status, duration, and whether the caller had hung up; of a 401 also the reason and the address of the peer. Of one route and status, at most 100 in a second.',
  'http.requests_unlogged':
    'So many requests of a second had no line of their own, by route and status. The metrics have them all.',
  'event.consumed':
    'One line for each event that was applied: outcome, age, retries, and the trace that caused it.',
  'postgres.connection_lost': 'A connection to PostgreSQL broke. The pool opens another one.',
  'redis.connection_lost': 'The connection to Redis broke. Work goes on without it.',
  'kafka.client': 'A warning or an error of the Kafka client itself.',
  'kafka.consumer_restarted': 'The consumer ended and was started again.',
  'consumer.stalled':
    'A consumer has made no progress for 15 s; the line names the record and the reason.',
  'consumer.resumed': 'A stalled consumer makes progress again.',
} as const

export type RuntimeLogEvent = keyof typeof runtimeLogEvents
