import type { Faults } from '../open-faults.ts'
import type { ProxyView, ToxicRequest } from '../proxy/toxic.ts'

/** What can be done to the connections between processes; the fault proxy writes it down. */
export type LinkVerbs = Readonly<{
  links: () => Promise<readonly ProxyView[]>
  /** One that bears the name of one that is there takes its place. */
  toxic: (link: string, toxic: ToxicRequest) => Promise<void>
  /** Removes every toxic of a link, or only the named one. Answers the names of those it removed. */
  heal: (link: string, toxic?: string) => Promise<readonly string[]>
  /** Its connections go, and new ones are refused, until it is `up`. */
  down: (link: string) => Promise<void>
  up: (link: string) => Promise<void>
}>

/** The links of one system. */
export function breakLinks(faults: Faults): LinkVerbs {
  async function links(): Promise<readonly ProxyView[]> {
    try {
      return await faults.list()
    } catch (cause) {
      const remedy = '`npm run heal` wakes or starts it'
      throw new Error(`the fault proxy does not answer; ${remedy}`, { cause })
    }
  }

  async function find(name: string): Promise<ProxyView> {
    const link = (await links()).find(each => each.name === name)
    if (!link) throw new Error(`there is no link ${name}`)
    return link
  }

  return {
    links,
    async toxic(link, toxic) {
      const { toxics } = await find(link)
      const { type, stream = 'downstream', name = `${type}_${stream}` } = toxic
      if (toxics.some(each => each.name === name)) await faults.removeToxic(link, name)
      await faults.addToxic(link, toxic)
    },
    async heal(link, toxic) {
      const names = (await find(link)).toxics
        .map(({ name }) => name)
        .filter(name => toxic === undefined || name === toxic)
      for (const name of names) await faults.removeToxic(link, name)
      return names
    },
    down: faults.disable,
    up: faults.enable,
  }
}
