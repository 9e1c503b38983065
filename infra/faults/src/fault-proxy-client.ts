import { askJson } from '@nightshift/local/ask-json'
import type { FaultLogLine, ReportedFault } from './control/fault-log.ts'
import type { ProxyView, Toxic, ToxicRequest } from './proxy/toxic.ts'

const requestTimeoutMs = 5_000

export type FaultProxyClient = Readonly<ReturnType<typeof faultProxyClient>>

/** A client for the control API at this URL. Each call throws when it is refused. */
export function faultProxyClient(controlUrl: string, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  function ask(method: string, path: string, body?: object): Promise<unknown> {
    return askJson(method, new URL(path, controlUrl), {
      body,
      headers,
      timeoutMs: requestTimeoutMs,
    })
  }
  const pathOf = (proxy: string) => `/proxies/${encodeURIComponent(proxy)}`

  return {
    url: controlUrl,
    async list(): Promise<readonly ProxyView[]> {
      return Object.values((await ask('GET', '/proxies')) as Record<string, ProxyView>)
    },
    /** Answers the toxic with its defaults filled in; it works on connections by then. */
    async addToxic(proxy: string, toxic: ToxicRequest): Promise<Toxic> {
      return (await ask('POST', `${pathOf(proxy)}/toxics`, toxic)) as Toxic
    },
    async removeToxic(proxy: string, toxic: string): Promise<void> {
      await ask('DELETE', `${pathOf(proxy)}/toxics/${encodeURIComponent(toxic)}`)
    },
    /** Closes the link: its connections are cut, and new ones are refused. */
    async disable(proxy: string): Promise<void> {
      await ask('PATCH', pathOf(proxy), { enabled: false })
    },
    async enable(proxy: string): Promise<void> {
      await ask('PATCH', pathOf(proxy), { enabled: true })
    },
    /** Enables every proxy and removes every toxic. */
    async reset(): Promise<void> {
      await ask('POST', '/reset')
    },
    /**
     * Writes a fault of the caller into the log: its `begin` before the fault begins, its `end` after
     * it ended. Answers the line as it stands on disk.
     */
    async report(fault: ReportedFault): Promise<FaultLogLine> {
      return (await ask('POST', '/fault-log', fault)) as FaultLogLine
    },
    /** All faults that have begun and not ended, with `at` and `seq` of their begin. */
    async openFaults(): Promise<readonly FaultLogLine[]> {
      return (await ask('GET', '/fault-log/open')) as readonly FaultLogLine[]
    },
  }
}
