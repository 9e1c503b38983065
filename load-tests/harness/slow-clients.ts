import { connect, type Socket } from 'node:net'

/** A client that takes as long as it can, on a connection of its own. */
export type SlowClientKind = Readonly<{
  /** What it says at first. */
  opening: string
  /** What it says again and again. Unset: nothing. */
  more?: string
}>

const sayMoreMs = 1_000
/** A client that is cut off, or not taken, comes back after so long. */
const comeBackMs = 1_000

/**
 * Slow clients, the same number of each kind, that come back whenever they are cut off. Each wants to
 * stay for ever.
 */
export function openSlowClients(url: string, kinds: readonly SlowClientKind[], ofEach: number) {
  const { hostname, port } = new URL(url)
  const sockets = new Map<Socket, number>()
  const timers = new Set<NodeJS.Timeout>()
  let isOver = false

  function come(kind: SlowClientKind): void {
    if (isOver) return
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {}) // how it is cut off; `close` follows
    socket.once('connect', () => {
      sockets.set(socket, performance.now())
      socket.write(kind.opening)
    })
    socket.resume()
    const { more } = kind
    const saying = more && setInterval(() => socket.write(more), sayMoreMs)
    socket.once('close', () => {
      clearInterval(saying)
      sockets.delete(socket)
      const timer = setTimeout(() => {
        timers.delete(timer)
        come(kind)
      }, comeBackMs)
      timers.add(timer)
    })
  }

  for (const kind of kinds) for (let i = 0; i < ofEach; i += 1) come(kind)

  return {
    /** How many have a connection that is as old as this, in ms. */
    openFor: (ms: number) =>
      [...sockets.values()].filter(sinceMs => performance.now() - sinceMs >= ms).length,
    [Symbol.dispose]: () => {
      isOver = true
      for (const timer of timers) clearTimeout(timer)
      for (const socket of sockets.keys()) socket.destroy()
    },
  }
}
