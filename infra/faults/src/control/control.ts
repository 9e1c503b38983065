import type { ProxyView, Toxic } from '../proxy/toxic.ts'
import type { FaultLogLine } from './fault-log.ts'
import { parseNote } from './parse-note.ts'
import { parseProxies, parseProxy } from './parse-proxy.ts'
import { createProxyControl, type ProxyControlDeps } from './proxy-control.ts'
import { createSerialRunner } from './run-serially.ts'
import { createToxicControl, findToxic } from './toxic-control.ts'

/** What POST /populate answers; with an error, the proxies before it exist all the same. */
export type Populated = Readonly<{ proxies: readonly ProxyView[]; error?: unknown }>

/**
 * Everything that can be done to the proxies. Bodies are those of the HTTP API. What refuses throws
 * an ApiError. Changes run one after the other, so the log has them in the order they happened.
 */
export type Control = Readonly<{
  list: () => readonly ProxyView[]
  show: (proxy: string) => ProxyView
  create: (body: unknown) => Promise<ProxyView>
  update: (proxy: string, body: unknown) => Promise<ProxyView>
  remove: (proxy: string) => Promise<void>
  populate: (body: unknown) => Promise<Populated>
  /** Removes every toxic and enables every proxy. */
  reset: () => Promise<void>
  toxic: (proxy: string, toxic: string) => Toxic
  addToxic: (proxy: string, body: unknown) => Promise<Toxic>
  changeToxic: (proxy: string, toxic: string, body: unknown) => Promise<Toxic>
  removeToxic: (proxy: string, toxic: string) => Promise<void>
  /** Writes down a fault that somebody else makes; on disk when it resolves. */
  note: (body: unknown) => Promise<FaultLogLine>
  underWay: () => readonly FaultLogLine[]
  /** Closes every listener and every connection. */
  close: () => Promise<void>
}>

export function createControl(deps: ProxyControlDeps): Control {
  const proxies = createProxyControl(deps)
  const toxics = createToxicControl(deps.injector)
  const serially = createSerialRunner()

  async function populate(body: unknown): Promise<Populated> {
    const made: ProxyView[] = []
    try {
      for (const request of parseProxies(body, deps.host)) {
        made.push((await proxies.createOrReplace(request)).view())
      }
      return { proxies: made }
    } catch (error) {
      return { proxies: made, error }
    }
  }

  return {
    list: () => proxies.all().map(proxy => proxy.view()),
    show: name => proxies.find(name).view(),
    create: body =>
      serially(async () => (await proxies.create(parseProxy(body, deps.host))).view()),
    update: (name, body) =>
      serially(async () => {
        const proxy = proxies.find(name)
        await proxies.update(proxy, body)
        return proxy.view()
      }),
    remove: name => serially(async () => proxies.remove(proxies.find(name))),
    populate: body => serially(() => populate(body)),
    reset: () =>
      serially(async () => {
        await toxics.removeAll(proxies.all())
        await proxies.enableAll()
      }),
    toxic: (name, toxicName) => findToxic(proxies.find(name), toxicName),
    addToxic: (name, body) => serially(async () => toxics.add(proxies.find(name), body)),
    changeToxic: (name, toxicName, body) =>
      serially(async () => toxics.change(proxies.find(name), toxicName, body)),
    removeToxic: (name, toxicName) =>
      serially(async () => toxics.remove(proxies.find(name), toxicName)),
    note: body => serially(() => deps.injector.append(parseNote(body))),
    underWay: deps.injector.underWay,
    close: () =>
      serially(async () => {
        await Promise.all(proxies.all().map(proxy => proxy.stop()))
      }),
  }
}
