export type JsonRequest = Readonly<{
  body?: object | undefined
  headers?: Readonly<Record<string, string>>
  timeoutMs: number
}>

/**
 * Calls one of the system's own APIs. Answers undefined for an empty answer.
 * @throws with the reason that the API gives, when it refuses
 */
export async function askJson(
  method: string,
  url: string | URL,
  { body, headers, timeoutMs }: JsonRequest,
): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
    signal: AbortSignal.timeout(timeoutMs),
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok)
    throw new Error(reasonIn(text) ?? `${method} ${url}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Our APIs put the reason into `message`, into `error`, or into the `message` of `error`. */
function reasonIn(text: string): string | undefined {
  try {
    const { message, error } = JSON.parse(text)
    const reason = message ?? error?.message ?? error
    return typeof reason === 'string' ? reason : undefined
  } catch {
    return undefined // not JSON
  }
}
