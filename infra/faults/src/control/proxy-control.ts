import { isDeepStrictEqual } from 'node:util'
import { limits } from '../limits.ts'
import { createSwitch } from '../proxy/proxy-switch.ts'
import { openTcpProxy, type TcpProxy } from '../proxy/tcp-proxy.ts'
import { apiError } from './api-error.ts'
import { type FaultAction, type FaultLog, proxyLine } from './fault-log.ts'
import { type ProxyRequest, parseProxyChange } from './parse-proxy.ts'

export type ProxyControlDeps = Readonly<{
  injector: FaultLog
  /** Where proxies listen whose address names no host. */
  host: string
  seed: number
}>

/** What can be done to proxies. What refuses throws an ApiError. */
export type ProxyControl = Readonly<{
  all: () => readonly TcpProxy[]
  find: (name: string) => TcpProxy
  create: (request: ProxyRequest) => Promise<TcpProxy>
  /** Leaves a proxy alone that has these addresses already, toxics and all. */
  createOrReplace: (request: ProxyRequest) => Promise<TcpProxy>
  update: (proxy: TcpProxy, body: unknown) => Promise<void>
  remove: (proxy: TcpProxy) => Promise<void>
  /** Tries every one that is off, also after one could not be enabled; then throws for that one. */
  enableAll: () => Promise<void>
}>

export function createProxyControl({ injector, host, seed }: ProxyControlDeps): ProxyControl {
  const proxies = new Map<string, TcpProxy>()
  const { enable, disable } = createSwitch(injector)

  async function append(action: FaultAction, proxy: TcpProxy): Promise<void> {
    await injector.append(proxyLine(action, proxy.name, proxy.view()))
  }

  async function create(request: ProxyRequest): Promise<TcpProxy> {
    if (proxies.has(request.name)) throw apiError(409, 'proxy already exists')
    if (proxies.size >= limits.proxiesMax) throw apiError(409, 'too many proxies')
    const proxy = openTcpProxy(request, seed)
    if (request.enabled) await proxy.start()
    proxies.set(proxy.name, proxy)
    await append('change', proxy)
    if (!request.enabled) await append('begin', proxy)
    return proxy
  }

  async function remove(proxy: TcpProxy): Promise<void> {
    if (proxy.settings().enabled) await disable(proxy)
    proxies.delete(proxy.name)
    await append('end', proxy)
    await injector.append(proxyLine('change', proxy.name, null))
  }

  return {
    all: () => [...proxies.values()],
    find(name) {
      const proxy = proxies.get(name)
      if (proxy === undefined) throw apiError(404, 'proxy not found')
      return proxy
    },
    create,
    async createOrReplace(request) {
      const existing = proxies.get(request.name)
      if (existing !== undefined) {
        if (!moves(existing, request)) return existing
        await remove(existing)
      }
      return create(request)
    },
    async update(proxy, body) {
      const before = proxy.settings()
      const wanted = parseProxyChange(before, body, host)
      const moving = moves(proxy, wanted)
      if (before.enabled && (moving || !wanted.enabled)) await disable(proxy)
      if (moving) {
        proxy.move(wanted)
        await append('change', proxy)
      }
      if (wanted.enabled && !proxy.settings().enabled) await enable(proxy)
    },
    remove,
    async enableAll() {
      const failures: unknown[] = []
      for (const proxy of proxies.values()) {
        if (!proxy.settings().enabled) await enable(proxy).catch(error => failures.push(error))
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}

/** Whether a proxy would have to listen elsewhere or lead elsewhere. */
function moves(proxy: TcpProxy, wanted: Pick<ProxyRequest, 'listen' | 'upstream'>): boolean {
  const { listen, upstream } = proxy.settings()
  return !isDeepStrictEqual([listen, upstream], [wanted.listen, wanted.upstream])
}
