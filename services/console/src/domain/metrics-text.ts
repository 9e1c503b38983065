/** One line of a metric: `name{labels} value`. */
export type Sample = Readonly<{ labels: Readonly<Record<string, string>>; value: number }>

/** What one process said about itself at one moment, by the names of its metrics. */
export type Scrape = Readonly<{ at: number; samples: ReadonlyMap<string, readonly Sample[]> }>

/** An exemplar may follow the value, with labels of its own. */
const line =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? ([+-]?(?:Inf|\d\S*)|NaN)(?: |$)/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/**
 * Reads the text format of Prometheus (prometheus.io/docs/instrumenting/exposition_formats). Comments and
 * lines that are no samples are left out.
 * @param at when it was read, in milliseconds since 1970
 */
export function parseMetrics(text: string, at: number): Scrape {
  const samples = new Map<string, Sample[]>()
  for (const row of text.split('\n')) {
    const [, name, labels = '', value = ''] = line.exec(row) ?? []
    if (name === undefined || row.startsWith('#')) continue
    const found = samples.get(name) ?? []
    found.push({ labels: labelsIn(labels), value: numberIn(value) })
    samples.set(name, found)
  }
  return { at, samples }
}

/**
 * What the instances of a service said together. Each sample gets the name of its instance as a label, so
 * that counters of two processes are never taken for one that goes up and down.
 * @param byInstance at least one
 */
export function mergeScrapes(byInstance: ReadonlyMap<string, Scrape>): Scrape {
  const samples = new Map<string, Sample[]>()
  for (const [instance, scrape] of byInstance) {
    for (const [name, found] of scrape.samples) {
      const own = found.map(({ labels, value }) => ({ labels: { ...labels, instance }, value }))
      samples.set(name, [...(samples.get(name) ?? []), ...own])
    }
  }
  return { at: Math.max(...[...byInstance.values()].map(({ at }) => at)), samples }
}

function labelsIn(text: string): Record<string, string> {
  const pairs = [...text.matchAll(label)].map(([, name = '', value = '']) => [
    name,
    value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped)),
  ])
  return Object.fromEntries(pairs)
}

function numberIn(text: string): number {
  return text === '+Inf' ? Number.POSITIVE_INFINITY : Number(text)
}
