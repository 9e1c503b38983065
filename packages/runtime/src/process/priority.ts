/** A client that asks again says how many of its attempts have been refused. */
export const retryHeader = 'x-retry-attempt'

/** How urgent a request of one of our services to another is (RFC 9218, section 4.1). Without, it is usual. */
export type Priority = Readonly<{ priority?: string }>

/** No client waits for the answer. */
export const inBackground = { priority: 'u=7' } as const satisfies Priority

/** The client has waited for long, and comes after clients that have just come. */
export const afterNewcomers = { priority: 'u=4' } as const satisfies Priority

/** True if the client says that this is a further attempt. */
export function asksAgain({ headers }: { headers: Readonly<Record<string, unknown>> }): boolean {
  const attempts = headers[retryHeader]
  return typeof attempts === 'string' && /^[1-9]\d{0,2}$/.test(attempts)
}
