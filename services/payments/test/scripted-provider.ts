import type { ProviderConnection } from '../src/clients/provider-api.ts'

/** What is answered to each method and path, always. */
export type Script = Readonly<Record<string, { status: number; body: object }>>

/** For tests: a provider that says what the simulator does not, and keeps what it was asked. */
export function scriptedProvider(script: Script): {
  provider: ProviderConnection
  asked: string[]
} {
  const asked: string[] = []
  const provider: ProviderConnection = {
    secretKey: 'sk_test_scripted',
    call: (_, deadline, attempt) => attempt(deadline),
    http: {
      call: async ({ method, path }) => {
        const route = `${method} ${path.split('?')[0]}`
        asked.push(route)
        const reply = script[route]
        if (!reply) throw new Error(`nobody expected ${route}`)
        const body = JSON.stringify(reply.body)
        return { kind: 'answer', status: reply.status, headers: {}, body }
      },
    },
  }
  return { provider, asked }
}
