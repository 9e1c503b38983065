import { type FaultAction, type FaultLog, proxyLine, toxicLine } from '../control/fault-log.ts'
import type { TcpProxy } from './tcp-proxy.ts'

export type ProxySwitch = Readonly<{
  /** Starts the proxy; its toxics begin anew. Throws when it can not listen, and it stays down. */
  enable: (proxy: TcpProxy) => Promise<void>
  /** Stops the proxy. Its toxics stay on it, but as faults they end: nothing passes to be hurt. */
  disable: (proxy: TcpProxy) => Promise<void>
}>

/**
 * Turns proxies on and off, with their lines in the log around it: a fault begins on paper before
 * it begins, and ends on paper after it ended. Whoever reads the log never sees one too short.
 */
export function createSwitch(injector: FaultLog): ProxySwitch {
  async function appendToxics(action: FaultAction, proxy: TcpProxy): Promise<void> {
    for (const toxic of proxy.toxics()) await injector.append(toxicLine(action, proxy.name, toxic))
  }

  return {
    async enable(proxy) {
      await appendToxics('begin', proxy)
      try {
        await proxy.start()
      } catch (error) {
        await appendToxics('end', proxy)
        throw error
      }
      await injector.append(proxyLine('end', proxy.name, proxy.view()))
    },
    async disable(proxy) {
      await injector.append(proxyLine('begin', proxy.name, proxy.view()))
      await proxy.stop()
      await appendToxics('end', proxy)
    },
  }
}
