/** What the log of faults is told about a setting. `details` are the setting's value and what shapes it. */
export type SettingNote = Readonly<{
  action: 'begin' | 'change' | 'end'
  name: string
  details: Readonly<Record<string, unknown>>
}>

/** A fault that has begun and not ended, as the log knows it. */
export type OpenFault = Readonly<{ kind: string; name?: string; value?: unknown }>

/** The one log of all faults of a system, which another process keeps. */
export type Injector = Readonly<{
  /** On disk when it resolves; when it rejects it may be there or not. */
  note: (note: SettingNote) => Promise<void>
  open: () => Promise<readonly OpenFault[]>
}>

const requestTimeoutMs = 1_000

/** A client for the log of infra/faults at this URL. Opens nothing until it is used. */
export function openInjector(url: string): Injector {
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const signal = AbortSignal.timeout(requestTimeoutMs)
    const response = await fetch(new URL(path, url), { ...init, signal })
    if (response.ok) return response
    throw new Error(`${path} answered ${response.status} ${await response.text()}`)
  }

  return {
    async note({ action, name, details }) {
      const body = JSON.stringify({ kind: 'setting', action, name, ...details })
      const headers = { 'content-type': 'application/json' }
      await (await ask('/fault-log', { method: 'POST', headers, body })).arrayBuffer()
    },
    open: async () => (await (await ask('/fault-log/open')).json()) as readonly OpenFault[],
  }
}
