import Value from 'typebox/value'
import { limits } from '../limits.ts'
import type { TcpProxy } from '../proxy/tcp-proxy.ts'
import { type ProxyView, type Toxic, type ToxicType, toxicAttributes } from '../proxy/toxic.ts'
import { apiError } from './api-error.ts'
import { type FaultAction, type ReportedFault, toxicEntry } from './fault-log.ts'
import { createProxies, type ProxiesDeps } from './proxies.ts'
import {
  type NewProxy,
  type NewToxic,
  type ProxyChange,
  parse,
  type ToxicChange,
} from './schemas.ts'

export type Control = ReturnType<typeof createControl>

/** The answer of POST /populate. After an error, the proxies before it exist all the same. */
type Populated = Readonly<{ proxies: readonly ProxyView[]; error?: unknown }>

/**
 * Everything that the API can do. A refusal throws an ApiError. Changes run one after the other, so
 * that the log has them in the order in which they happened.
 */
export function createControl(deps: ProxiesDeps) {
  const { log } = deps
  const proxies = createProxies(deps)
  const serially = createSerialRunner()

  /** A toxic on a proxy that is off is no fault yet: it begins in the log when the proxy does. */
  async function append(action: FaultAction, proxy: TcpProxy, toxic: Toxic): Promise<void> {
    if (proxy.settings().enabled) await log.append(toxicEntry(action, proxy.name, toxic))
  }

  /** The toxic goes before its end is written: a log that fails must not keep a fault alive. */
  async function removeToxic(proxy: TcpProxy, toxic: Toxic): Promise<void> {
    proxy.removeToxic(toxic.name)
    await append('end', proxy, toxic)
  }

  return {
    list: () => proxies.all().map(proxy => proxy.view()),
    show: (name: string) => proxies.find(name).view(),
    create: (proxy: NewProxy) => serially(async () => (await proxies.create(proxy)).view()),
    update: (name: string, change: ProxyChange) =>
      serially(async () => {
        const proxy = proxies.find(name)
        await proxies.update(proxy, change)
        return proxy.view()
      }),
    remove: (name: string) => serially(async () => proxies.remove(proxies.find(name))),
    populate: (wanted: readonly NewProxy[]) =>
      serially(async (): Promise<Populated> => {
        const made: ProxyView[] = []
        try {
          for (const proxy of wanted) made.push((await proxies.createOrReplace(proxy)).view())
          return { proxies: made }
        } catch (error) {
          return { proxies: made, error }
        }
      }),
    /**
     * The proxies of now keep their addresses, and stay. They are the links of a system: whoever could
     * move one would read what goes over it.
     */
    fixAddresses: proxies.fixAddresses,
    /** Removes every toxic and enables every proxy. */
    reset: () =>
      serially(async () => {
        await Promise.all(
          proxies.all().flatMap(proxy => proxy.toxics().map(toxic => removeToxic(proxy, toxic))),
        )
        await proxies.enableAll()
      }),
    showToxic: (proxy: string, toxic: string) => findToxic(proxies.find(proxy), toxic),
    addToxic: (name: string, body: NewToxic) =>
      serially(async () => {
        const proxy = proxies.find(name)
        const toxic = toxicFrom(body)
        const others = proxy.toxics()
        if (others.some(other => other.name === toxic.name)) {
          throw apiError(409, 'toxic already exists')
        }
        if (others.length >= limits.toxicsPerProxyMax) throw apiError(409, 'too many toxics')
        await append('begin', proxy, toxic)
        proxy.addToxic(toxic)
        return toxic
      }),
    changeToxic: (name: string, toxicName: string, change: ToxicChange) =>
      serially(async () => {
        const proxy = proxies.find(name)
        const toxic = changedToxic(findToxic(proxy, toxicName), change)
        await append('change', proxy, toxic)
        proxy.changeToxic(toxic)
        return toxic
      }),
    removeToxic: (name: string, toxicName: string) =>
      serially(async () => {
        const proxy = proxies.find(name)
        await removeToxic(proxy, findToxic(proxy, toxicName))
      }),
    /** Writes down a fault that another process injects; it is on disk when this resolves. */
    report: (fault: ReportedFault) => serially(() => log.append(fault)),
    openFaults: log.openFaults,
    /** Closes every listener and every connection. */
    close: () =>
      serially(async () => {
        await Promise.all(proxies.all().map(proxy => proxy.stop()))
      }),
  }
}

function findToxic(proxy: TcpProxy, name: string): Toxic {
  const toxic = proxy.toxics().find(each => each.name === name)
  if (toxic === undefined) throw apiError(404, 'toxic not found')
  return toxic
}

function toxicFrom({ type, stream, toxicity, attributes, name }: NewToxic): Toxic {
  return {
    name: name ?? `${type}_${stream}`,
    type,
    stream,
    toxicity,
    attributes: attributesOf(type, attributes),
  } as Toxic
}

function changedToxic(toxic: Toxic, { toxicity, attributes }: ToxicChange): Toxic {
  return {
    ...toxic,
    toxicity: toxicity ?? toxic.toxicity,
    attributes: attributesOf(toxic.type, { ...toxic.attributes, ...attributes }),
  } as Toxic
}

/** Those that the type does not have are ignored, as Toxiproxy does. */
function attributesOf(type: ToxicType, given: object): Toxic['attributes'] {
  const schema = toxicAttributes[type]
  return Value.Clean(schema, parse(schema, given, 'attributes.')) as Toxic['attributes']
}

type RunSerially = <Answer>(work: () => Promise<Answer>) => Promise<Answer>

/** Runs one piece of work after the other, in the order in which they were handed over. */
function createSerialRunner(): RunSerially {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const running = last.then(work)
    // The caller of this work hears of its failure; the next one starts all the same.
    last = running.catch(() => undefined)
    return running
  }
}
