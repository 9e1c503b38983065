import { type Context, ROOT_CONTEXT, type Span } from '@opentelemetry/api'
import type { FastifyRequest } from 'fastify'
import type { Deadline } from '../process/deadline.ts'
import type { Priority } from '../process/priority.ts'
import type { Principal } from './authenticate.ts'

/**
 * Our own state of a request. It is kept beside the request and not on it: a decorator would need a
 * global type, and every route would have it, undefined where it is not used.
 */
type RequestState = {
  deadline: Deadline
  span?: Span
  context: Context
  principal?: Principal
  /** What the next service is told. Unset: the request is as urgent as usual. */
  priority?: Priority
  /** Facts for the canonical log line. */
  facts: Record<string, unknown>
  /** The handler has come to its answer. */
  answered?: boolean
  /** The connection has closed, with or without an answer. */
  closed?: boolean
  /** The log line is written. */
  ended?: boolean
  /** Answers for a handler that never ends. */
  whenLost?: NodeJS.Timeout
  /** Called once, when the request has ended. */
  whenEnded?: () => void
}

/** The deadline until the first hook has read the header. */
const noTimeYet: Deadline = { remainingMs: () => 0 }

const states = new WeakMap<FastifyRequest, RequestState>()

export function stateOf(request: FastifyRequest): RequestState {
  let state = states.get(request)
  if (!state) {
    state = { deadline: noTimeYet, context: ROOT_CONTEXT, facts: {} }
    states.set(request, state)
  }
  return state
}

export function deadlineOf(request: FastifyRequest): Deadline {
  return stateOf(request).deadline
}

export function priorityOf(request: FastifyRequest): Priority {
  return stateOf(request).priority ?? {}
}

/** @throws in a route that is public: a bug, found by its first request. */
export function tenantOf(request: FastifyRequest): string {
  const { principal } = stateOf(request)
  if (!principal) throw new Error('the route does not authenticate its callers')
  return principal.tenantId
}

/** Adds a fact to the one line that this request will log. */
export function note(request: FastifyRequest, facts: Record<string, unknown>): void {
  Object.assign(stateOf(request).facts, facts)
}
