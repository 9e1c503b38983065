import { isDeepStrictEqual } from 'node:util'
import { type Address, isLoopback, parseAddress } from '../address.ts'
import { limits } from '../limits.ts'
import { openTcpProxy, type ProxySettings, type TcpProxy } from '../proxy/tcp-proxy.ts'
import { apiError, badBody } from './api-error.ts'
import { type FaultAction, type FaultLog, proxyEntry, toxicEntry } from './fault-log.ts'
import type { NewProxy, ProxyChange } from './schemas.ts'

export type ProxiesDeps = Readonly<{
  log: FaultLog
  /** Proxies without a host in their address listen here. */
  host: string
  seed: number
}>

/**
 * The proxies by name, and what can be done to them. A refusal throws an ApiError. Each fault is in
 * the log before it begins and ends there after it ended, so that no reader sees one too short.
 */
export function createProxies({ log, host, seed }: ProxiesDeps) {
  const proxies = new Map<string, TcpProxy>()
  const fixed = new Set<TcpProxy>()

  async function append(action: FaultAction, proxy: TcpProxy): Promise<void> {
    await log.append(proxyEntry(action, proxy.name, proxy.view()))
  }

  async function appendToxics(action: FaultAction, proxy: TcpProxy): Promise<void> {
    for (const toxic of proxy.toxics()) await log.append(toxicEntry(action, proxy.name, toxic))
  }

  /** Starts the proxy; its toxics begin anew. Throws when it can not listen, and it stays down. */
  async function enable(proxy: TcpProxy): Promise<void> {
    await appendToxics('begin', proxy)
    try {
      await proxy.start()
    } catch (error) {
      await appendToxics('end', proxy)
      throw error
    }
    await append('end', proxy)
  }

  /** Stops the proxy. Its toxics stay on it, but as faults they end: no bytes pass any more. */
  async function disable(proxy: TcpProxy): Promise<void> {
    await append('begin', proxy)
    await proxy.stop()
    await appendToxics('end', proxy)
  }

  async function create({ name, enabled, ...addresses }: NewProxy): Promise<TcpProxy> {
    const listen = listenAddress(addresses.listen)
    const upstream = parseAddress('upstream', addresses.upstream, host)
    if (proxies.has(name)) throw apiError(409, 'proxy already exists')
    if (proxies.size >= limits.proxiesMax) throw apiError(409, 'too many proxies')
    const proxy = openTcpProxy(name, { listen, upstream }, seed)
    if (enabled) await proxy.start()
    proxies.set(name, proxy)
    await append('change', proxy)
    if (!enabled) await append('begin', proxy)
    return proxy
  }

  function assertNotFixed(proxy: TcpProxy): void {
    if (!fixed.has(proxy)) return
    throw apiError(403, `${proxy.name} is a link of the system: it stays where it is`)
  }

  /** Another address than that of this process or of this machine would open a port to the network. */
  function listenAddress(text: string): Address {
    const address = parseAddress('listen', text, host)
    if (address.host === host || isLoopback(address.host)) return address
    throw badBody(`listen must be on 127.0.0.1, not ${address.host}`)
  }

  async function remove(proxy: TcpProxy): Promise<void> {
    assertNotFixed(proxy)
    if (proxy.settings().enabled) await disable(proxy)
    proxies.delete(proxy.name)
    await append('end', proxy)
    await log.append(proxyEntry('change', proxy.name, null))
  }

  /** The settings of a proxy after a change. */
  function changed(before: ProxySettings, { listen, upstream, enabled }: ProxyChange) {
    return {
      listen: listen === undefined ? before.listen : listenAddress(listen),
      upstream: upstream === undefined ? before.upstream : parseAddress('upstream', upstream, host),
      enabled: enabled ?? before.enabled,
    }
  }

  async function update(proxy: TcpProxy, change: ProxyChange): Promise<void> {
    const before = proxy.settings()
    const after = changed(before, change)
    const isMoved = !isDeepStrictEqual({ ...before, enabled: after.enabled }, after)
    if (isMoved) assertNotFixed(proxy)
    if (before.enabled && (isMoved || !after.enabled)) await disable(proxy)
    if (isMoved) {
      proxy.move(after)
      await append('change', proxy)
    }
    if (after.enabled && !proxy.settings().enabled) await enable(proxy)
  }

  return {
    fixAddresses(): void {
      for (const proxy of proxies.values()) fixed.add(proxy)
    },
    all: () => [...proxies.values()],
    find(name: string): TcpProxy {
      const proxy = proxies.get(name)
      if (proxy === undefined) throw apiError(404, 'proxy not found')
      return proxy
    },
    create,
    /** Leaves a proxy alone that has these addresses already, toxics and all. */
    async createOrReplace(wanted: NewProxy): Promise<TcpProxy> {
      const existing = proxies.get(wanted.name)
      if (existing === undefined) return create(wanted)
      const before = existing.settings()
      if (isDeepStrictEqual(changed(before, { ...wanted, enabled: before.enabled }), before)) {
        return existing
      }
      await remove(existing)
      return create(wanted)
    },
    update,
    remove,
    /** Tries every one that is off, also after one could not be enabled; then throws for that one. */
    async enableAll(): Promise<void> {
      const failures: unknown[] = []
      for (const proxy of proxies.values()) {
        if (!proxy.settings().enabled) await enable(proxy).catch(error => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
