import { limits } from '../limits.ts'
import type { TcpProxy } from '../proxy/tcp-proxy.ts'
import type { Toxic } from '../proxy/toxic.ts'
import { apiError } from './api-error.ts'
import { type FaultAction, type FaultLog, toxicLine } from './fault-log.ts'
import { parseToxic, parseToxicChange } from './parse-toxic.ts'

/** What can be done to the toxics of a proxy. What refuses throws an ApiError. */
export type ToxicControl = Readonly<{
  add: (proxy: TcpProxy, body: unknown) => Promise<Toxic>
  change: (proxy: TcpProxy, name: string, body: unknown) => Promise<Toxic>
  remove: (proxy: TcpProxy, name: string) => Promise<void>
  removeAll: (proxies: readonly TcpProxy[]) => Promise<void>
}>

/** A toxic on a proxy that is off is no fault yet: it begins in the log when the proxy does. */
export function createToxicControl(injector: FaultLog): ToxicControl {
  async function append(action: FaultAction, proxy: TcpProxy, toxic: Toxic): Promise<void> {
    if (proxy.settings().enabled) await injector.append(toxicLine(action, proxy.name, toxic))
  }

  /** Heals first and writes afterwards: a log that fails must not keep a fault alive. */
  async function end(proxy: TcpProxy, toxic: Toxic): Promise<void> {
    proxy.removeToxic(toxic.name)
    await append('end', proxy, toxic)
  }

  return {
    async add(proxy, body) {
      const toxic = parseToxic(body)
      const others = proxy.toxics()
      if (others.some(({ name }) => name === toxic.name)) {
        throw apiError(409, 'toxic already exists')
      }
      if (others.length >= limits.toxicsPerProxyMax) throw apiError(409, 'too many toxics')
      await append('begin', proxy, toxic)
      proxy.addToxic(toxic)
      return toxic
    },
    async change(proxy, name, body) {
      const toxic = parseToxicChange(findToxic(proxy, name), body)
      await append('change', proxy, toxic)
      proxy.changeToxic(toxic)
      return toxic
    },
    remove: async (proxy, name) => end(proxy, findToxic(proxy, name)),
    async removeAll(proxies) {
      await Promise.all(
        proxies.flatMap(proxy => proxy.toxics().map(async toxic => end(proxy, toxic))),
      )
    },
  }
}

/** The toxic of this name. Throws the 404 when there is none. */
export function findToxic(proxy: TcpProxy, name: string): Toxic {
  const toxic = proxy.toxics().find(each => each.name === name)
  if (toxic === undefined) throw apiError(404, 'toxic not found')
  return toxic
}
