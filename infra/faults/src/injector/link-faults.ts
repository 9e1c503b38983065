import type { FaultProxyClient } from '../fault-proxy-client.ts'
import type { ProxyView, ToxicRequest } from '../proxy/toxic.ts'

export type LinkFaults = Readonly<ReturnType<typeof openLinkFaults>>

/** Faults of the connections between processes; the fault proxy logs them itself. */
export function openLinkFaults(faults: FaultProxyClient) {
  async function listLinks(): Promise<readonly ProxyView[]> {
    try {
      return await faults.list()
    } catch (cause) {
      const remedy = '`npm run heal` wakes or starts it'
      throw new Error(`the fault proxy does not answer; ${remedy}`, { cause })
    }
  }

  async function find(name: string): Promise<ProxyView> {
    const link = (await listLinks()).find(each => each.name === name)
    if (!link) throw new Error(`there is no link ${name}`)
    return link
  }

  return {
    listLinks,
    /** Replaces a toxic of the same name. */
    async addToxic(link: string, toxic: ToxicRequest): Promise<void> {
      const { toxics } = await find(link)
      const { type, stream = 'downstream', name = `${type}_${stream}` } = toxic
      if (toxics.some(each => each.name === name)) await faults.removeToxic(link, name)
      await faults.addToxic(link, toxic)
    },
    /** Removes every toxic of a link, or only the named one. Answers the names of the removed. */
    async removeToxics(link: string, toxic?: string): Promise<readonly string[]> {
      const names = (await find(link)).toxics
        .map(({ name }) => name)
        .filter(name => toxic === undefined || name === toxic)
      for (const name of names) await faults.removeToxic(link, name)
      return names
    },
    /** Cuts its connections and refuses new ones until `bringUp`. */
    takeDown: faults.disable,
    bringUp: faults.enable,
  }
}
