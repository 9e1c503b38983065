import type { ProviderConnection } from '../src/clients/provider-api.ts'

/** The answer to each method and path. It is the same each time. A body that is a text is sent as it is. */
export type Script = Readonly<Record<string, { status: number; body: object | string }>>

/**
 * A provider that gives answers which the simulator never gives, and lists the requests it gets.
 */
export function scriptedProvider(script: Script): {
  provider: ProviderConnection
  requests: string[]
  /** How often a place of the quota was not needed. */
  unusedPlaces: () => number
} {
  const requests: string[] = []
  let unusedPlaces = 0
  const provider: ProviderConnection = {
    secretKey: 'sk_test_scripted',
    admission: { sent: () => ({ refused: () => {}, notSent: () => {} }) },
    noteQuotaUnused: () => {
      unusedPlaces += 1
    },
    call: (_, deadline, attempt) => attempt(deadline, 0),
    search: (_, deadline, attempt) => attempt(deadline, 0),
    http: {
      call: async ({ method, path }) => {
        const route = `${method} ${path.split('?')[0]}`
        requests.push(route)
        const answer = script[route]
        if (!answer) throw new Error(`the script has no answer to ${route}`)
        const { status, body } = answer
        const text = typeof body === 'string' ? body : JSON.stringify(body)
        return { kind: 'answer', status, headers: {}, body: text }
      },
    },
  }
  return { provider, requests, unusedPlaces: () => unusedPlaces }
}
