import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { resultsDir } from '@nightshift/load-tests/reporting/keep-result'
import { readText } from './read-pages.ts'

/** The fields of a result that a page shows; the whole form is in result.schema.json beside them. */
export type Result = Readonly<{
  name: string
  kind: string
  title: string
  outcome: string
  shows?: Readonly<{ figure: string; unit: string; of?: string }>
  arms: Readonly<Record<string, Arm>>
}>

type Arm = Readonly<{
  median: Readonly<Record<string, number>>
  range: Readonly<Record<string, readonly [number, number]>>
  verdict?: string
  violations?: Readonly<Record<string, number>>
}>

/** A pattern as the manifest of patterns describes it. */
export type Pattern = Readonly<{
  name: string
  title: string
  fault: string
  files: Readonly<{ pattern: string; test: string }>
}>

const begin =
  '<!-- patterns: made by `npm run docs` from the manifest and the results, not by hand -->'
const end = '<!-- end of patterns -->'

/**
 * The README with a new table of patterns.
 * @throws when the place of the table in the README is gone
 */
export function readmeWithPatterns(readme: string, results: readonly Result[]): string {
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from)
    throw new Error('README.md has lost the place of its table of patterns')
  return `${readme.slice(0, from)}${begin}\n${patternsTable(readPatterns(), results, readText)}\n${readme.slice(to)}`
}

/** Every result, in the order of their names. */
export async function readResults(): Promise<Result[]> {
  const files = (await readdir(resultsDir)).filter(
    file => file.endsWith('.json') && !file.endsWith('.schema.json'),
  )
  const results = await Promise.all(
    files.sort().map(async file => JSON.parse(await readFile(join(resultsDir, file), 'utf8'))),
  )
  return results as Result[]
}

function readPatterns(): Pattern[] {
  return JSON.parse(readText(`${patternsDir}/patterns.json`) ?? '[]')
}

const patternsDir = 'packages/patterns'

/**
 * One row per pattern: its fault, and the medians of the result that the header of the pattern names.
 * A pattern without such a result has the test that shows the difference.
 * @param read the text of a file by its path from the root
 */
export function patternsTable(
  patterns: readonly Pattern[],
  results: readonly Result[],
  read: (path: string) => string | undefined,
): string {
  const rows = patterns.map(({ name, title, fault, files }) => {
    const page = `${patternsDir}/src/${name}/README.md`
    const pattern = `[${title}](${read(page) === undefined ? `${patternsDir}/src/${name}` : page})`
    const header = read(`${patternsDir}/${files.pattern}`) ?? ''
    const [, named] = /^ \* Without:\s.*load-tests\/results\/([\w-]+)\.json/m.exec(header) ?? []
    const result = results.find(each => each.name === named)
    if (result === undefined) {
      return `| ${pattern} | ${fault} | – | – | [test](${patternsDir}/${files.test}) |`
    }
    const cells = [describeMedian(result, 'naive'), describeMedian(result, 'with')]
    return `| ${pattern} | ${fault} | ${cells.join(' | ')} | ${linkTo(result, '')} |`
  })
  const head = ['| pattern | fault | without | with | result |', '|---|---|---|---|---|']
  return [...head, ...rows].join('\n')
}

/** One row per experiment: the medians without and with the pattern, and the range of all rounds. */
export function experimentsTable(results: readonly Result[], root: string): string {
  const rows = results
    .filter(result => result.kind === 'experiment' && result.shows)
    .map(result => {
      const [naive, kept] = [describeArm(result, 'naive'), describeArm(result, 'with')]
      return `| ${linkTo(result, root)} | ${result.title} | ${naive} | ${kept} |`
    })
  return ['| experiment | fault | without | with |', '|---|---|---|---|', ...rows].join('\n')
}

/** @param root the way from the page to the root of the repository, such as `../` */
export function linkTo({ name }: Pick<Result, 'name'>, root: string): string {
  return `[${name}](${root}load-tests/results/${name}.json)`
}

type Shown = Pick<Result, 'shows'> & { arms: Readonly<Partial<Record<string, Arm>>> }

/** The figure of an arm with its range; a dash for an arm that a matrix does not have. */
export function describeArm(shown: Shown, name: string): string {
  const [least, most] = shown.arms[name]?.range[shown.shows?.figure ?? ''] ?? []
  const median = describeMedian(shown, name)
  return least === undefined ? median : `${median} (${least} to ${most})`
}

/** A bench shows no figure of this kind, so its arms are dashes. */
function describeMedian({ shows, arms }: Shown, name: string): string {
  const arm = arms[name]
  if (!arm || !shows) return '–'
  const { figure, unit, of } = shows
  const value = arm.median[figure]
  if (of === undefined) return `${value} ${unit}`
  // What can be more than the whole is no part of it: 384 requests are not "of 360 callers".
  const isPart = Object.values(arms).every(
    other => !other || (other.median[figure] ?? 0) <= (other.median[of] ?? 0),
  )
  return isPart
    ? `${value} of ${arm.median[of]} ${unit}`
    : `${value} ${unit}, for ${arm.median[of]} ${wordsOf(of)}`
}

/** A name such as `limitPerSecond` as words. */
function wordsOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)
}
