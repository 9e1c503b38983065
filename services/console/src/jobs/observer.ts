import { describeFault } from '@nightshift/faults/injector/list-faults'
import type { ProcessStatus } from '@nightshift/local/supervisor/process-spec'
import { type Reading, readSources, type SourcesOptions } from '../clients/sources.ts'
import {
  callsOver,
  countedBy,
  figuresOf,
  type Scrapes,
  type ScrapesByService,
  variantsOf,
} from '../domain/describe-system.ts'
import { mergeScrapes, type Scrape } from '../domain/metrics-text.ts'
import { ownName } from '../domain/own-name.ts'
import { openRecentEvents } from '../domain/recent-events.ts'
import { limits } from '../limits.ts'
import type { Figures, History, LoadView, ProcessView, SeriesName, Snapshot } from '../snapshot.ts'
import { seriesNames } from '../snapshot.ts'

export type Observer = Readonly<{
  latest: () => Snapshot | undefined
  /** What the services have counted since they started. */
  counted: () => ReturnType<typeof countedBy>
  history: () => History
  /** Called with each new snapshot, until what it returns is called. */
  watch: (onSnapshot: (snapshot: Snapshot) => void) => () => void
  stop: () => Promise<void>
}>

export type ObserverOptions = SourcesOptions &
  Readonly<{
    /** Before the names of the processes at the supervisor. */
    prefix: string
    /** When a fault heals by itself, in milliseconds since 1970. */
    healsAt: (thing: string) => number | undefined
    load: () => LoadView
    onError: (error: unknown) => void
  }>

/** Looks at the whole system once a second, and remembers the last fifteen minutes. */
export function openObserver(options: ObserverOptions): Observer {
  const moments: { at: number; figures: Figures }[] = []
  const events = openRecentEvents(limits.observe.eventsMax)
  const scrapes = new Map<string, Scrape[]>()
  const memory = new Map<string, number>()
  const watchers = new Set<(snapshot: Snapshot) => void>()
  let latest: Snapshot | undefined
  let counted: ReturnType<typeof countedBy> = {}
  let memoryAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  /** Keeps as many scrapes as a quantile needs, and answers those to compare. */
  function remember(name: string, scrape: Scrape): Scrapes {
    const kept = [...(scrapes.get(name) ?? []), scrape].filter(
      ({ at }) => at >= scrape.at - limits.observe.quantileWindowMs,
    )
    scrapes.set(name, kept)
    return { now: scrape, before: kept.at(-2) ?? scrape, earlier: kept[0] ?? scrape }
  }

  function describe(reading: Reading): Snapshot {
    const { at, processes, proxies, openFaults, unseen } = reading
    const services = scrapesByService(
      options.instances.flatMap(({ service, name }) => {
        const scrape = reading.scrapes.get(name)
        return scrape ? [{ service, name, scrapes: remember(name, scrape) }] : []
      }),
    )
    const own = processes?.flatMap(each => ofThisSystem(each, options.prefix))
    counted = countedBy(services)
    for (const { name, memoryMiB } of own ?? [])
      if (memoryMiB !== undefined) memory.set(name, memoryMiB)
    events.seeRestarts(own ?? [], at)
    const seenVariants = variantsOf(services)
    events.seeVariants(seenVariants, at)
    const faults = openFaults?.map(fault => ({ ...describeFault(fault, at), since: fault.at }))
    if (faults) events.seeFaults(faults, at)
    const totalMiB = own && sum(own.map(({ name }) => memory.get(name) ?? 0))
    return {
      at,
      processes: own?.map(each => viewOf(each, memory.get(each.name))) ?? [],
      links: (proxies ?? []).map(({ name, enabled, toxics }) => ({
        name,
        isUp: enabled,
        toxics: toxics.map(toxic => toxic.name),
        ...callsOver(name, services),
      })),
      faults: (faults ?? []).map(({ thing, what, seconds }) => {
        const healsAt = options.healsAt(thing)
        return {
          thing,
          what,
          seconds,
          ...(healsAt !== undefined && {
            healsInSeconds: Math.max(0, Math.round((healsAt - at) / 1000)),
          }),
        }
      }),
      variants: seenVariants,
      load: options.load(),
      figures: figuresOf(services, totalMiB, options.load()),
      bands: events.bands(),
      marks: events.marks(),
      unseen,
    }
  }

  async function lookOnce(): Promise<void> {
    const withMemory = performance.now() - memoryAt >= limits.observe.memoryEveryMs
    if (withMemory) memoryAt = performance.now()
    latest = describe(await readSources(options, { withMemory }))
    moments.push({ at: latest.at, figures: latest.figures })
    moments.splice(0, moments.length - limits.observe.momentsMax)
    for (const watcher of watchers) watcher(latest)
  }

  /** A look that takes longer than a second delays the next one, so that looks never pile up. */
  async function lookAgain(): Promise<void> {
    const startedAt = performance.now()
    await lookOnce().catch(options.onError)
    if (isStopped) return
    const waitMs = Math.max(0, limits.observe.everyMs - (performance.now() - startedAt))
    timer = setTimeout(() => {
      looking = lookAgain()
    }, waitMs)
  }
  let looking = lookAgain()

  return {
    latest: () => latest,
    counted: () => counted,
    history: () => ({
      at: moments.map(({ at }) => at),
      figures: Object.fromEntries(
        seriesNames.map(name => [name, moments.map(({ figures }) => figures[name])]),
      ) as Record<SeriesName, (number | null)[]>,
    }),
    watch(onSnapshot) {
      watchers.add(onSnapshot)
      return () => watchers.delete(onSnapshot)
    },
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await looking
    },
  }
}

type InstanceScrapes = Readonly<{ service: string; name: string; scrapes: Scrapes }>

/** Each instance was remembered by itself, so that one that was away for a moment makes no jump. */
function scrapesByService(all: readonly InstanceScrapes[]): ScrapesByService {
  const services = [...Map.groupBy(all, ({ service }) => service)]
  return Object.fromEntries(
    services.map(([service, instances]) => {
      const [only] = instances
      if (only !== undefined && instances.length === 1) return [service, only.scrapes]
      const together = (when: keyof Scrapes) =>
        mergeScrapes(new Map(instances.map(({ name, scrapes }) => [name, scrapes[when]])))
      const [now, before, earlier] = [together('now'), together('before'), together('earlier')]
      return [service, { now, before, earlier }]
    }),
  )
}

function ofThisSystem(status: ProcessStatus, prefix: string): ProcessStatus[] {
  const name = ownName(status, prefix)
  return name === undefined ? [] : [{ ...status, name }]
}

function viewOf(status: ProcessStatus, memoryMiB: number | undefined): ProcessView {
  const { name, kind, state, restarts, reason, lastEnd, url } = status
  const why = reason ?? (restarts > 0 ? lastEnd : undefined)
  return {
    name,
    kind,
    state,
    restarts,
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(why === undefined ? {} : { reason: why }),
    ...(url === undefined ? {} : { url }),
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}
