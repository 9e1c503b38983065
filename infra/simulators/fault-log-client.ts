/** Tells the fault log about a setting. `details` hold its value and the settings that refine it. */
export type SettingNote = Readonly<{
  action: 'begin' | 'change' | 'end'
  name: string
  details: Readonly<Record<string, unknown>>
}>

/** The fault log has the begin of this fault and no end yet. */
export type OpenFault = Readonly<{ kind: string; name?: string; value?: unknown }>

/** Writes to the log of all faults of a system, which the process of infra/faults keeps. */
export type FaultLogClient = Readonly<{
  /** The note is on disk when this resolves. When it rejects, the note may be there or not. */
  note: (note: SettingNote) => Promise<void>
  listOpen: () => Promise<readonly OpenFault[]>
}>

const requestTimeoutMs = 1_000

/** Creates a client for the fault log at this URL. It connects at its first call. */
export function createFaultLogClient(url: string, token: string): FaultLogClient {
  const authorization = `Bearer ${token}`

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const signal = AbortSignal.timeout(requestTimeoutMs)
    const headers = { ...init.headers, authorization }
    const response = await fetch(new URL(path, url), { ...init, headers, signal })
    if (response.ok) return response
    throw new Error(`${path} answered ${response.status} ${await response.text()}`)
  }

  return {
    async note({ action, name, details }) {
      const body = JSON.stringify({ kind: 'setting', action, name, ...details })
      const headers = { 'content-type': 'application/json' }
      await (await request('/fault-log', { method: 'POST', headers, body })).arrayBuffer()
    },
    listOpen: async () => (await (await request('/fault-log/open')).json()) as readonly OpenFault[],
  }
}
