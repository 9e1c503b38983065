/** The number of earlier attempts of the same request. There is no standard header for it. */
export const retryHeader = 'x-retry-attempt'

/** The headers by which the door of a service decides who comes first. */
export type Priority = Readonly<{ priority?: string; [retryHeader]?: string }>

/** Nobody waits for the answer (RFC 9218, section 4.1). */
export const inBackground = { priority: 'u=7' } as const satisfies Priority

/**
 * What the next service is told. If its door did not know who asks again, those who ask again would take
 * the places of newcomers there. That nobody waits is not passed on: a client can't know that.
 */
export function priorityOf({ headers }: { headers: Readonly<Record<string, unknown>> }): Priority {
  const attempts = headers[retryHeader]
  const asksAgain = typeof attempts === 'string' && /^[1-9]\d{0,2}$/.test(attempts)
  return asksAgain ? { [retryHeader]: attempts } : {}
}
