import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { reservePort } from './reserve-port.ts'

/**
 * Below the range that the system hands out for outgoing connections, so that no connection takes
 * the port before the process listens on it.
 */
const soonRange = { min: 15_000, max: 29_999 }
/** For ports that stay unused for a long time, so that no other search finds them free. */
export const lateRange = { min: 30_000, max: 32_767 }
const triesMax = 1_000

/**
 * Finds different ports of 127.0.0.1 on which nothing listens, and reserves them until this process
 * ends. Throws when it finds too few.
 */
export async function findFreePorts(count: number, { min, max } = soonRange): Promise<number[]> {
  const held: { port: number; server: Server }[] = []
  try {
    for (let tries = 0; held.length < count; tries++) {
      if (tries >= triesMax) throw new Error(`found ${held.length} free ports, need ${count}`)
      const port = min + Math.floor(Math.random() * (max - min + 1))
      const server = await tryListen(port)
      if (!server) continue
      if (reservePort(port)) held.push({ port, server })
      else await close(server)
    }
    return held.map(({ port }) => port)
  } finally {
    await Promise.all(held.map(({ server }) => close(server)))
  }
}

/** Whether a port of 127.0.0.1 is in use. */
export async function isTaken(port: number): Promise<boolean> {
  const server = await tryListen(port)
  if (server) await close(server)
  return server === undefined
}

async function tryListen(port: number): Promise<Server | undefined> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  } catch (error) {
    const isInUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    if (isInUse) return undefined
    throw error
  }
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}
