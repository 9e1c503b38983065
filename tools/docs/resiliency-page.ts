import { linkTo, type Result } from './results-table.ts'

/** The fields of the resiliency matrix that its page shows; the whole form is in result.schema.json. */
export type ResiliencyGrid = Readonly<{
  rows: readonly Readonly<{ name: string; dependency: string; state: string; why: string }>[]
  columns: readonly string[]
  cells: readonly Readonly<{
    row: string
    column: string
    outcome: string
    answer: string
    waitMs: number
    afterHealMs?: number
  }>[]
}>

/** The page of the resiliency matrix, from its result. Without one it has only the introduction. */
export function resiliencyPage(
  result: (Result & Readonly<{ grid?: ResiliencyGrid }>) | undefined,
): string {
  if (result?.grid === undefined) return `${introduction}\n`
  const { survived, cells } = result.arms['with']?.median ?? {}
  const caption = `${result.title} (${linkTo(result, '../')}): ${survived} of ${cells} cases are as expected.`
  return `${[introduction, caption, ...sectionsOf(result.grid)].join('\n\n')}\n`
}

const introduction = `# Resiliency matrix

Each row is a dependency, and each column is something that a user wants. In the first table the dependency is down: it refuses connections, or it is stopped. In the second table each byte to it and from it is a second and a half late, so an answer takes three seconds where a few milliseconds are normal. For two rows the words mean something else: webhooks do not come at all, or come ten seconds late; the trace collector is stopped, or frozen.

Each user asks three times, one time after the other, and waits for five seconds at most. A cell has the worst that was seen, and the longest wait. What each cell has to be is written down in [the experiment](../load-tests/experiments/resiliency-matrix.ts). The [auditor](../load-tests/auditor/README.md) judges the whole when the last fault is over, and must find no broken promise.

| a cell says | the user |
|---|---|
| works | has what was asked for within a second and a half |
| slower | has it, and has waited for longer than that |
| later | has it only after the fault; the time counts from its end |
| queued | is told \`202\`: it is accepted, and finished after the fault |
| refused | is told \`503\` with \`Retry-After\`, within two seconds if the dependency is down; the same request succeeds after the fault |

Two columns are no requests: a paid listing goes live, and a candidate gets a mail about it. Their times begin with the request to publish.

\`npm run experiment -- resiliency-matrix\` repeats the matrix. \`npm run docs\` writes this page from the result.`

const headings: Readonly<Record<string, string>> = {
  down: 'The dependency is down',
  slow: 'The dependency is slow',
}

function sectionsOf(grid: ResiliencyGrid): string[] {
  const states = [...new Set(grid.rows.map(({ state }) => state))]
  const reasons = new Map(grid.rows.map(({ dependency, why }) => [dependency, why]))
  return [
    ...states.flatMap(state => [`## ${headings[state] ?? state}`, renderTable(grid, state)]),
    '## Why',
    [...reasons].map(([dependency, why]) => `- **${dependency}**: ${why}`).join('\n'),
  ]
}

/** One row per dependency in this state. */
function renderTable({ rows, columns, cells }: ResiliencyGrid, state: string): string {
  const cellOf = (row: string, column: string) => {
    const cell = cells.find(one => one.row === row && one.column === column)
    return cell === undefined ? '?' : describe(cell)
  }
  return [
    `| ${state} | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...rows
      .filter(row => row.state === state)
      .map(({ name, dependency }) => {
        const row = columns.map(column => cellOf(name, column))
        return `| ${[dependency, ...row].join(' | ')} |`
      }),
  ].join('\n')
}

function describe({ outcome, answer, waitMs, afterHealMs = 0 }: ResiliencyGrid['cells'][number]) {
  const word = outcome === 'survived' ? answer : `**${answer}**`
  return `${word} ${seconds(answer === 'later' ? afterHealMs : waitMs)}`
}

function seconds(ms: number): string {
  return ms < 100 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`
}
