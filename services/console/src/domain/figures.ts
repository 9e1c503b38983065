import type { Sample, Scrape } from './metrics-text.ts'

/** The samples of a metric that have these labels. */
type Selection = Readonly<{
  name: string
  where?: (labels: Sample['labels']) => boolean
}>

const msPerSecond = 1_000

/** The sum of a gauge over all that is selected; undefined when there is none. */
export function sumOf(scrape: Scrape, { name, where }: Selection): number | undefined {
  const found = select(scrape, { name, ...(where && { where }) })
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}

/** The largest value of a gauge; undefined when there is none. */
export function largestOf(scrape: Scrape, selection: Selection): number | undefined {
  const values = select(scrape, selection).map(({ value }) => value)
  return values.length === 0 ? undefined : Math.max(...values)
}

/** How much a counter grew per second. A counter that became smaller belongs to a process that began anew. */
export function perSecond(before: Scrape, after: Scrape, selection: Selection): number {
  const seconds = (after.at - before.at) / msPerSecond
  return seconds <= 0 ? 0 : grown(before, after, selection) / seconds
}

/**
 * A quantile of what a histogram counted between two scrapes, in its unit. Between two bounds of buckets it
 * is a straight line, as in `histogram_quantile` of Prometheus.
 * @returns undefined when nothing was counted
 */
export function quantileOf(
  before: Scrape,
  after: Scrape,
  { name, where = () => true }: Selection,
  share: number,
): number | undefined {
  const bounds = new Set(
    select(after, { name: `${name}_bucket`, where }).map(({ labels }) => labels['le'] ?? ''),
  )
  const buckets = [...bounds]
    .map(le => ({
      upTo: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
      count: grown(before, after, {
        name: `${name}_bucket`,
        where: labels => labels['le'] === le && where(labels),
      }),
    }))
    .toSorted((a, b) => a.upTo - b.upTo)
  const all = buckets.at(-1)?.count ?? 0
  if (all === 0) return undefined
  const rank = share * all
  const at = buckets.findIndex(({ count }) => count >= rank)
  const bucket = buckets[at]
  const below = buckets[at - 1] ?? { upTo: 0, count: 0 }
  if (bucket === undefined || bucket.upTo === Number.POSITIVE_INFINITY) return below.upTo
  const inBucket = bucket.count - below.count
  const part = inBucket === 0 ? 1 : (rank - below.count) / inBucket
  return below.upTo + (bucket.upTo - below.upTo) * part
}

/** The growth of a counter, or of several together. */
function grown(before: Scrape, after: Scrape, selection: Selection): number {
  const earlier = new Map(
    select(before, selection).map(({ labels, value }) => [keyOf(labels), value]),
  )
  return select(after, selection).reduce((sum, { labels, value }) => {
    const was = earlier.get(keyOf(labels)) ?? 0
    return sum + (value >= was ? value - was : value)
  }, 0)
}

function select({ samples }: Scrape, { name, where = () => true }: Selection): Sample[] {
  return (samples.get(name) ?? []).filter(({ labels }) => where(labels))
}

function keyOf(labels: Sample['labels']): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
