/** The number of earlier attempts of the same request. There is no standard header for it. */
export const retryHeader = 'x-retry-attempt'

/** The headers by which the door of a service decides who comes first. */
export type Priority = Readonly<{ priority?: string; [retryHeader]?: string }>

/** No client waits for the answer (RFC 9218, section 4.1). */
export const inBackground = { priority: 'u=7' } as const satisfies Priority

type WithHeaders = Readonly<{ headers: Readonly<Record<string, unknown>> }>

/**
 * The priority that is passed on to the next service. If its door did not know which requests are further
 * attempts, these would take the places of newcomers there. `inBackground` is not passed on, because only a
 * job of ours may claim it.
 */
export function priorityOf({ headers }: WithHeaders): Priority {
  const attempts = headers[retryHeader]
  return isNumberOfAttempts(attempts) ? { [retryHeader]: attempts } : {}
}

/** True if the request says that it is a further attempt. */
export function asksAgain({ headers }: WithHeaders): boolean {
  return isNumberOfAttempts(headers[retryHeader])
}

function isNumberOfAttempts(value: unknown): value is string {
  return typeof value === 'string' && /^[1-9]\d{0,2}$/.test(value)
}
