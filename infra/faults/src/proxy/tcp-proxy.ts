import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { type Address, formatAddress } from '../address.ts'
import { limits } from '../limits.ts'
import { type Connection, openConnection } from './connection.ts'
import { type LiveToxic, openToxic } from './live-toxic.ts'
import type { ProxyView, Stream, Toxic } from './toxic.ts'

type Addresses = Readonly<{ listen: Address; upstream: Address }>
export type ProxySettings = Addresses & Readonly<{ enabled: boolean }>

/** A listener, its connections and the toxics on them. */
export type TcpProxy = Readonly<{
  name: string
  settings: () => ProxySettings
  view: () => ProxyView
  /** Listens. Throws when the address can not be had. */
  start: () => Promise<void>
  /** Closes the listener and every connection. The toxics stay for the next start. */
  stop: () => Promise<void>
  /** Takes other addresses; the proxy must be stopped. */
  move: (to: Addresses) => void
  /** In the order in which they were added. */
  toxics: () => readonly Toxic[]
  addToxic: (toxic: Toxic) => void
  /** Replaces the toxic of the same name. */
  changeToxic: (toxic: Toxic) => void
  removeToxic: (name: string) => void
}>

/** A proxy that is not started yet. The random sources of its toxics begin at `seed`. */
export function openTcpProxy(name: string, addresses: Addresses, seed: number): TcpProxy {
  let { listen, upstream } = addresses
  let server: Server | undefined
  let live: LiveToxic[] = []
  const connections = new Set<Connection>()

  const toxicsOf = (stream: Stream) => live.filter(toxic => toxic.read().stream === stream)

  function find(toxicName: string): LiveToxic | undefined {
    return live.find(toxic => toxic.read().name === toxicName)
  }

  /** The links that this toxic works on. */
  function linksOf(toxic: LiveToxic) {
    return [...connections].flatMap(({ link }) => link(toxic.read().stream) ?? [])
  }

  function listenForClients(): Server {
    const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true }
    const opening = createServer(options, client => {
      const connection = openConnection(client, upstream, toxicsOf)
      connections.add(connection)
      void connection.closed.then(() => connections.delete(connection))
    })
    opening.maxConnections = limits.connectionsMax
    return opening.listen({ ...listen })
  }

  return {
    name,
    settings: () => ({ listen, upstream, enabled: server !== undefined }),
    view: () => ({
      name,
      listen: formatAddress(listen),
      upstream: formatAddress(upstream),
      enabled: server !== undefined,
      toxics: live.map(toxic => toxic.read()),
    }),
    async start() {
      const opening = listenForClients()
      await once(opening, 'listening')
      // Later errors mean that a client could not be accepted, for want of file descriptors.
      opening.on('error', () => undefined)
      const { address, port } = opening.address() as AddressInfo
      listen = { host: address, port }
      server = opening
    },
    async stop() {
      const closing = server
      if (closing === undefined) return
      server = undefined
      const closed = once(closing, 'close')
      closing.close()
      for (const connection of connections) connection.destroy()
      await closed
    },
    move(to) {
      listen = to.listen
      upstream = to.upstream
    },
    toxics: () => live.map(toxic => toxic.read()),
    addToxic(toxic) {
      const added = openToxic(toxic, name, seed)
      live = [...live, added]
      for (const link of linksOf(added)) link.add(added)
    },
    changeToxic(toxic) {
      const changed = find(toxic.name)
      changed?.change(toxic)
      if (changed !== undefined) for (const link of linksOf(changed)) link.change(changed)
    },
    removeToxic(toxicName) {
      const removed = find(toxicName)
      live = live.filter(toxic => toxic !== removed)
      if (removed !== undefined) for (const link of linksOf(removed)) link.remove(removed)
    },
  }
}
