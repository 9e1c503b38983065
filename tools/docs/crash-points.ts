import { basename } from 'node:path'

/** A file of the program, by its path from the root. */
export type CodeFile = Readonly<{ path: string; text: string }>

export type CrashPoint = Readonly<{
  label: string
  /** What is true when a process dies here. */
  moment: string
  /** Where it stands, by path. */
  files: readonly string[]
  /** The services that can die there. */
  services: readonly string[]
}>

const inCode = /\bcrashpoint\('([^']+)'\)/g

/**
 * Where each label stands and which services can die there.
 * @param moments what is true at each label
 * @throws when a label stands nowhere, or stands somewhere and is not listed
 */
export function findCrashPoints(
  moments: Readonly<Record<string, string>>,
  files: readonly CodeFile[],
  servicesOf: (path: string) => readonly string[],
): CrashPoint[] {
  const places = new Map<string, Set<string>>()
  for (const { path, text } of files) {
    for (const [, label = ''] of text.matchAll(inCode)) {
      places.set(label, (places.get(label) ?? new Set()).add(path))
    }
  }
  const names = Object.keys(moments)
  const problems = [
    ...names.filter(name => !places.has(name)).map(name => `${name} stands nowhere in the code`),
    ...[...places.keys()]
      .filter(name => !names.includes(name))
      .map(name => `${name} stands in ${[...(places.get(name) ?? [])].join()}, and is not listed`),
  ]
  if (problems.length > 0) throw new Error(`crash labels: ${problems.join('; ')}`)
  return Object.entries(moments).map(([label, moment]) => {
    const paths = [...(places.get(label) ?? [])].toSorted()
    const services = new Set(paths.flatMap(servicesOf))
    return { label, moment, files: paths, services: [...services].toSorted() }
  })
}

/** The page of the reference. Links lead from docs/reference to the code. */
export function crashPointsPage(points: readonly CrashPoint[]): string {
  const rows = points.map(({ label, moment, files, services }) => {
    const links = files.map(path => `[${basename(path)}](../../${path})`).join('<br>')
    return `| \`${label}\` | ${services.join(', ')} | ${links} | ${moment} |`
  })
  return [
    '# Crash points',
    '',
    'Places at which a process can be made to die as `kill -9` would: `CRASH_AT=label:n` ends it when',
    'it reaches the label for the n-th time. Nothing is armed unless that is set. Made by',
    '`npm run docs` from the lists beside the code, gathered in',
    '[crash-points.ts](../../load-tests/harness/crash-points.ts).',
    '',
    '| label | services | stands in | what is true at that moment |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
