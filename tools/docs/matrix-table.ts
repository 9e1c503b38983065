import { linkTo, type Result } from './results-table.ts'

/** The fields of a matrix that its table shows; the whole form is in result.schema.json. */
export type Matrix = Readonly<{
  rows: readonly Readonly<{ name: string; label: string; owner: string }>[]
  columns: readonly string[]
  cells: readonly Readonly<{ row: string; column: string; outcome: string; answer: string }>[]
}>

type ResultOfMatrix = Result & { grid?: Matrix }

/** The page of the crash matrix, from the results that have one. */
export function crashMatrixPage(results: readonly ResultOfMatrix[]): string {
  const matrices = results.flatMap(result => {
    if (!result.grid) return []
    const caption = `${result.title} (${linkTo(result, '../')})`
    return [renderMatrix(result.grid, result.arms['with']?.median ?? {}, caption)]
  })
  return `${introduction}\n\n${matrices.join('\n\n')}\n`
}

const introduction = `# Crash matrix

Each row is a place in the code at which a process can be made to die as \`kill -9\` would. Each column is a behavior of the card provider. In each case one employer publishes one listing, the process dies once at that place, and the employer repeats the request under the same key until the answer is final.

A case is survived if the client gets the answer that it would get without a death, and if there are as many charges and refunds as that answer says. The [auditor](../load-tests/auditor/README.md) must find no broken promise either.

| column | the card provider |
|---|---|
| \`ok\` | captures and answers |
| \`decline\` | declines and answers |
| \`silent-after\` | captures, and its answer never arrives |
| \`silent-before\` | does nothing, and does not answer |
| \`late\` | does not answer, and captures later |

[Crash points](reference/crash-points.md) says what is true at each place. \`npm run experiment -- crash-matrix\` repeats the matrix. \`npm run docs\` writes this page from the result.`

/** Outcomes of a case that was not survived, as the table shows them. */
const words: Readonly<Record<string, string>> = {
  impossible: '',
  broken: '**broken**',
  'not-reached': '*not reached*',
  'reached-after-all': '*reached*',
}

/**
 * Renders one word per case: if the case was survived, it is the final answer to the client.
 * @param caption what the matrix is, with a link to its result
 */
export function renderMatrix(
  { rows, columns, cells: cases }: Matrix,
  figures: Readonly<Record<string, number>>,
  caption: string,
): string {
  const outcomes = new Map(
    cases.map(({ row, column, outcome, answer }) => [
      `${row} ${column}`,
      outcome === 'survived' ? answer : (words[outcome] ?? outcome),
    ]),
  )
  const lines = rows.map(({ name, label, owner }) => {
    const row = columns.map(column => outcomes.get(`${name} ${column}`) ?? '?')
    return `| \`${label}\` | ${[owner, ...row].join(' | ')} |`
  })
  const { survived, cells: possible, medianRecoveryMs = 0, maxRecoveryMs = 0 } = figures
  const waits = `a client who was still waiting when the process died had the final answer ${seconds(medianRecoveryMs)} later (median; at most ${seconds(maxRecoveryMs)})`
  return [
    `${caption}: ${survived} of ${possible} deaths survived; ${waits}.`,
    '',
    `| dies at | in | ${columns.join(' | ')} |`,
    `|---|---|${columns.map(() => '---|').join('')}`,
    ...lines,
    '',
    legendOf(cases.some(({ answer }) => answer === 'refunded')),
  ].join('\n')
}

function legendOf(hasRefunds: boolean): string {
  const refunded = hasRefunds ? ' *refunded*: charged once, and given back once;' : ''
  return `*paid*: told so, and charged once;${refunded} *declined*: told so, and not charged; empty: such a payment never comes by there.`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
