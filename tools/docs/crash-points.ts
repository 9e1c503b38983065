import { basename } from 'node:path'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import { pathOf } from '@nightshift/structure/place'
import type { SourceFile } from '@nightshift/structure/source-tree'

export type CrashPoint = Readonly<{
  label: string
  /** What is true when a process dies here. */
  moment: string
  /** The files that call it, by path. */
  files: readonly string[]
  /** The services that can die there. */
  services: readonly string[]
}>

/**
 * Finds where each label is called, and which services can die there.
 * @param moments what is true at each label
 * @throws when a label is called nowhere, or is called and not listed
 */
export function findCrashPoints(
  moments: Readonly<Record<string, string>>,
  program: readonly SourceFile[],
  servicesOf: (path: string) => readonly string[],
): CrashPoint[] {
  const callers = new Map<string, Set<string>>()
  for (const { path, code } of program) {
    for (const { name, firstString } of code.calls) {
      if (name !== 'crashpoint' || firstString === undefined) continue
      callers.set(firstString, (callers.get(firstString) ?? new Set()).add(path))
    }
  }
  const labels = Object.keys(moments)
  const problems = [
    ...labels.filter(name => !callers.has(name)).map(name => `${name} is nowhere in the code`),
    ...[...callers]
      .filter(([name]) => !labels.includes(name))
      .map(([name, paths]) => `${name} is in ${[...paths].join()}, and is not listed`),
  ]
  if (problems.length > 0) throw new Error(`crash labels: ${problems.join('; ')}`)
  return Object.entries(moments).map(([label, moment]) => {
    const files = [...(callers.get(label) ?? [])].toSorted()
    const services = new Set(files.flatMap(servicesOf))
    return { label, moment, files, services: [...services].toSorted() }
  })
}

/** Which services load a file, by way of the values that they import, beginning at their main.ts. */
export function servicesLoading(files: readonly SourceFile[]): (path: string) => ServiceName[] {
  const imports = new Map(files.map(file => [file.path, loadedFiles(file)]))
  const loaded = serviceNames.map(service => {
    const paths = new Set([`services/${service}/src/main.ts`])
    // A set that grows while it is walked hands out what was added, too.
    for (const path of paths) for (const target of imports.get(path) ?? []) paths.add(target)
    return { service, paths }
  })
  return path => loaded.filter(({ paths }) => paths.has(path)).map(({ service }) => service)
}

function loadedFiles({ path, code }: SourceFile): string[] {
  return code.imports
    .filter(({ kind }) => kind !== 'type' && kind !== 'type re-export')
    .map(({ specifier }) => pathOf(path, specifier) ?? '')
    .filter(target => target !== '')
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
    'it reaches the label for the n-th time. `BLOCK_AT=label:n:ms` blocks its event loop there for so',
    'long, each n-th time. Nothing is armed unless one of them is set, and production refuses both.',
    'Made by `npm run docs` from the lists beside the code, gathered in',
    '[crash-points.ts](../../load-tests/harness/crash-points.ts).',
    '',
    '| label | services | called in | what is true at that moment |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
