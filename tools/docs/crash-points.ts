import { basename } from 'node:path'

/** A file of the program, by its path from the root. */
export type CodeFile = Readonly<{ path: string; text: string }>

export type CrashPoint = Readonly<{
  label: string
  /** What is true when a process dies here; empty when nothing tells. */
  moment: string
  /** Where it stands, by path. */
  files: readonly string[]
  /** The services that can die there. */
  services: readonly string[]
}>

const inList = /^\s*(?:\/\/ ?(?<comment>.*)|'(?<label>[a-z.]+)',)\s*$/
const inCode = /\bcrashpoint\('([^']+)'\)/g

/**
 * The labels of the closed list, in its order, with the comment above each.
 * @throws when the list is not where it was
 */
function listedLabels(listText: string): { label: string; moment: string }[] {
  const list = /crashLabels = \[\n([\s\S]*?)\] as const/.exec(listText)?.[1]
  if (list === undefined) throw new Error('the list of crash labels is not where it was')
  const labels: { label: string; moment: string }[] = []
  let comments: string[] = []
  for (const line of list.split('\n')) {
    const { comment, label } = inList.exec(line)?.groups ?? {}
    if (comment !== undefined) comments.push(comment.trim())
    if (label === undefined) continue
    labels.push({ label, moment: comments.join(' ') })
    comments = []
  }
  return labels
}

/**
 * Where each label stands and which services can die there.
 * @throws when a label is listed twice, stands nowhere, or stands somewhere and is not listed
 */
export function findCrashPoints(
  listText: string,
  files: readonly CodeFile[],
  servicesOf: (path: string) => readonly string[],
): CrashPoint[] {
  const places = new Map<string, Set<string>>()
  for (const { path, text } of files) {
    for (const [, label = ''] of text.matchAll(inCode)) {
      places.set(label, (places.get(label) ?? new Set()).add(path))
    }
  }
  const listed = listedLabels(listText)
  const names = listed.map(({ label }) => label)
  const problems = [
    ...names.filter((name, i) => names.indexOf(name) !== i).map(name => `${name} is listed twice`),
    ...names.filter(name => !places.has(name)).map(name => `${name} stands nowhere in the code`),
    ...[...places.keys()]
      .filter(name => !names.includes(name))
      .map(name => `${name} stands in ${[...(places.get(name) ?? [])].join()}, and is not listed`),
  ]
  if (problems.length > 0) throw new Error(`crash labels: ${problems.join('; ')}`)
  return listed.map(({ label, moment }) => {
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
    '`npm run docs` from the list in [crashpoint.ts](../../packages/runtime/src/crashpoint.ts).',
    '',
    '| label | services | stands in | what is true at that moment |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
