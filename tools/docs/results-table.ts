import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brokenPromises } from '@nightshift/load-tests/reporting/broken-promises'
import { resultsDir } from '@nightshift/load-tests/reporting/keep-result'
import { repoRoot } from '@nightshift/local/system/state'
import { type Matrix, renderMatrix } from './matrix-table.ts'

/** The fields of a result that a table shows; the whole form is in result.schema.json beside them. */
export type Result = Readonly<{
  name: string
  kind: string
  title: string
  outcome: string
  shows?: Readonly<{ figure: string; unit: string; of?: string }>
  arms: Readonly<Record<string, Arm>>
  /** The cases of a matrix. */
  grid?: Matrix
}>

type Arm = Readonly<{
  median: Readonly<Record<string, number>>
  range: Readonly<Record<string, readonly [number, number]>>
  verdict?: string
  violations?: Readonly<Record<string, number>>
}>

const begin = '<!-- results: made by `npm run docs` from load-tests/results, not by hand -->'
const end = '<!-- end of results -->'

/** The README with a new table of results. @throws when its place in the README is gone */
export async function readmeWithResults(): Promise<string> {
  const readme = await readFile(join(repoRoot, 'README.md'), 'utf8')
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error('README.md has lost the place of its table of results')
  const results = await readResults()
  const tables = [
    renderResults(results),
    renderPromises(results),
    ...results.flatMap(renderMatrixOf),
  ].join('\n\n')
  return `${readme.slice(0, from)}${begin}\n${tables}\n${readme.slice(to)}`
}

async function readResults(): Promise<Result[]> {
  const files = (await readdir(resultsDir)).filter(
    file => file.endsWith('.json') && !file.endsWith('.schema.json'),
  )
  const results = await Promise.all(
    files.sort().map(async file => JSON.parse(await readFile(join(resultsDir, file), 'utf8'))),
  )
  return results as Result[]
}

/** One row per experiment: the medians without and with the pattern, and the range of all rounds. */
export function renderResults(results: readonly Result[]): string {
  const rows = results
    .filter(result => result.kind === 'experiment' && result.shows)
    .map(result => {
      const [naive, kept] = [describeArm(result, 'naive'), describeArm(result, 'with')]
      return `| ${result.title} | ${naive} | ${kept} | ${linkTo(result)} |`
    })
  return ['| fault | without | with | measured |', '|---|---|---|---|', ...rows].join('\n')
}

/** The promises that broke without a pattern, with the experiments that showed it. */
function renderPromises(results: readonly Result[]): string {
  const shown = [...brokenPromises(results)].map(
    ([promise, names]) => `**${promise}** (${names.join(', ')})`,
  )
  const where = 'found by [the auditor](load-tests/auditor/README.md)'
  return `Broken without the pattern and kept in every round with it, as ${where}: ${shown.join('; ')}.`
}

function renderMatrixOf(result: Result): string[] {
  if (!result.grid) return []
  const figures = result.arms['with']?.median ?? {}
  return [renderMatrix(result.grid, figures, `${result.title} (${linkTo(result)})`)]
}

function linkTo({ name }: Result): string {
  return `[${name}](load-tests/results/${name}.json)`
}

/** The figure of an arm; a dash for an arm that a matrix does not have. */
export function describeArm(
  { shows, arms }: Pick<Result, 'shows'> & { arms: Readonly<Partial<Record<string, Arm>>> },
  name: string,
): string {
  const arm = arms[name]
  if (!arm) return '–'
  const { figure = '', unit = '', of } = shows ?? {}
  const { median, range } = arm
  const [least, most] = range[figure] ?? [Number.NaN, Number.NaN]
  const whole = of === undefined ? '' : ` of ${median[of]}`
  return `${median[figure]}${whole} ${unit} (${least} to ${most})`
}
