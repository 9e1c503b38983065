import type { FaultLogLine, ReportedFault } from './control/fault-log.ts'
import type { ProxyView, Toxic, ToxicRequest } from './proxy/toxic.ts'

/** A running fault proxy, as tests and experiments drive it. Each call throws when it is refused. */
export type FaultProxyClient = Readonly<{
  list: () => Promise<readonly ProxyView[]>
  /** Answers the toxic with its defaults filled in; it works on connections by then. */
  addToxic: (proxy: string, toxic: ToxicRequest) => Promise<Toxic>
  removeToxic: (proxy: string, toxic: string) => Promise<void>
  /** Closes the link: its connections are cut, and new ones are refused. */
  disable: (proxy: string) => Promise<void>
  enable: (proxy: string) => Promise<void>
  /** Enables every proxy and removes every toxic. */
  reset: () => Promise<void>
  /**
   * Writes a fault of the caller into the log: its `begin` before the fault begins, its `end` after
   * it ended. Answers the line as it stands on disk.
   */
  report: (fault: ReportedFault) => Promise<FaultLogLine>
  /** All faults that have begun and not ended, with `at` and `seq` of their begin. */
  openFaults: () => Promise<readonly FaultLogLine[]>
}>

const requestTimeoutMs = 5_000

/** A client for the control API at this URL. Opens nothing until it is used. */
export function faultProxyClient(controlUrl: string): FaultProxyClient {
  async function ask(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(new URL(path, controlUrl), {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(requestTimeoutMs),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  const pathOf = (proxy: string) => `/proxies/${encodeURIComponent(proxy)}`

  return {
    list: async () => Object.values((await ask('GET', '/proxies')) as Record<string, ProxyView>),
    addToxic: async (proxy, toxic) =>
      (await ask('POST', `${pathOf(proxy)}/toxics`, toxic)) as Toxic,
    async removeToxic(proxy, toxic) {
      await ask('DELETE', `${pathOf(proxy)}/toxics/${encodeURIComponent(toxic)}`)
    },
    async disable(proxy) {
      await ask('PATCH', pathOf(proxy), { enabled: false })
    },
    async enable(proxy) {
      await ask('PATCH', pathOf(proxy), { enabled: true })
    },
    async reset() {
      await ask('POST', '/reset')
    },
    report: async fault => (await ask('POST', '/fault-log', fault)) as FaultLogLine,
    openFaults: async () => (await ask('GET', '/fault-log/open')) as readonly FaultLogLine[],
  }
}
