import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repoRoot } from './state.ts'

/** The fields of a result that a table shows; the whole form is in result.schema.json beside them. */
type Result = {
  name: string
  kind: string
  title: string
  rounds?: number
  outcome: string
  shows?: { figure: string; unit: string; of?: string }
  arms: Record<string, { median: Record<string, number>; range: Record<string, [number, number]> }>
}

const resultsDir = join(repoRoot, 'load-tests/results')
const begin = '<!-- results: made by `npm run docs` from load-tests/results, not by hand -->'
const end = '<!-- end of results -->'

/** The README with its table of results made anew. @throws when the place for it is gone */
export async function readmeWithResults(): Promise<string> {
  const readme = await readFile(join(repoRoot, 'README.md'), 'utf8')
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error('README.md has lost the place of its table of results')
  const table = renderResults(await readResults())
  return `${readme.slice(0, from)}${begin}\n${table}\n${readme.slice(to)}`
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

/** Fault, what it costs without the pattern, what with it: medians, and the range of all rounds. */
export function renderResults(results: readonly Result[]): string {
  const rows = results
    .filter(result => result.kind === 'experiment' && result.shows)
    .map(result => {
      const link = `[${result.name}](load-tests/results/${result.name}.json)`
      return `| ${result.title} | ${cell(result, 'naive')} | ${cell(result, 'with')} | ${link} |`
    })
  return ['| fault | without | with | measured |', '|---|---|---|---|', ...rows].join('\n')
}

function cell({ shows, arms }: Result, arm: string): string {
  const { figure = '', unit = '', of } = shows ?? {}
  const { median, range } = arms[arm] ?? { median: {}, range: {} }
  const [least, most] = range[figure] ?? [Number.NaN, Number.NaN]
  const whole = of === undefined ? '' : ` of ${median[of]}`
  return `${median[figure]}${whole} ${unit} (${least} to ${most})`
}
