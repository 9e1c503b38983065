import type { Band, Mark, Snapshot } from '../snapshot.ts'

type SeenFault = Readonly<{
  thing: string
  what: string
  /** When it began, as the log of faults says. */
  since: string
}>

/**
 * What happened of late: faults from their begin to their end, restarts and switches. Each moment is compared
 * with the one before, so whoever caused something, it is here.
 * @param eventsMax the oldest are forgotten
 */
export function openRecentEvents(eventsMax: number) {
  const bands = new Map<string, Band>()
  const marks: Mark[] = []
  const restarts = new Map<string, number>()
  const variants = new Map<string, string>()

  function mark(at: number, what: string): void {
    marks.push({ at, what })
    marks.splice(0, marks.length - eventsMax)
  }

  return {
    bands: () => [...bands.values()],
    marks: () => [...marks],
    seeFaults(open: readonly SeenFault[], at: number): void {
      const keys = new Set<string>()
      for (const { thing, what, since } of open) {
        const name = `${thing} ${what}`
        const key = `${name} ${since}`
        keys.add(key)
        if (!bands.has(key)) bands.set(key, { name, from: Date.parse(since), until: null })
      }
      for (const [key, band] of bands) {
        if (band.until === null && !keys.has(key)) bands.set(key, { ...band, until: at })
      }
      for (const key of [...bands.keys()].slice(0, -eventsMax)) bands.delete(key)
    },
    seeRestarts(processes: readonly { name: string; restarts: number }[], at: number): void {
      for (const { name, restarts: count } of processes) {
        const was = restarts.get(name)
        if (was !== undefined && count > was) mark(at, `${name} restarted`)
        restarts.set(name, count)
      }
    },
    seeVariants(seen: Snapshot['variants'], at: number): void {
      for (const [name, byService] of Object.entries(seen)) {
        for (const [service, variant] of Object.entries(byService)) {
          const was = variants.get(`${service} ${name}`)
          if (was !== undefined && was !== variant) mark(at, `${name}=${variant} at ${service}`)
          variants.set(`${service} ${name}`, variant)
        }
      }
    },
  }
}
