import { limits as listings } from '@nightshift/listings/limits'
import {
  type CheckedRelation,
  limitAt,
} from '@nightshift/patterns/timeout-hierarchy/timeout-hierarchy'
import { limits as payments } from '@nightshift/payments/limits'
import {
  checkSystem,
  type RelationGroup,
  type SystemPath,
  systemLimits,
  writtenLimits,
} from './system-limits.ts'
import { pools, type Wait, type WaitPath, waitPaths } from './timeouts.ts'

const introduction = `# Timeouts

A wait without a limit is where a system stops. Here every wait has a limit, and every limit is a number in one file per service: [payments](../services/payments/src/limits.ts), [listings](../services/listings/src/limits.ts), [notifications](../services/notifications/src/limits.ts).

One rule decides the order: **the outer wait is longer than what happens inside it.** The side that knows more gives up first and can say what it knows. A service whose own limits break a relation refuses to start and names it. A test holds the relations across services. All of them are at the end of this page, and the [timeout hierarchy](../packages/patterns/src/timeout-hierarchy/README.md) is the pattern behind them.

A wait that is over is no failure. Once bytes were sent, the outcome is unknown: the answer is \`202 pending\`, and a job finds out.

\`npm run limits\` prints the same as a tree, and says what another value would break. \`npm run docs\` writes this page from the limits.`

const limits = systemLimits(writtenLimits)
const poolTitle = 'request → pool → statement → lock'

/** The page of timeouts: a picture, one table per path, and all relations. */
export function timeoutsPage(): string {
  return `${[
    introduction,
    picture(),
    ...waitPaths.map(path => (path.title === poolTitle ? describePools(path) : describePath(path))),
    ...checkSystem(writtenLimits).map(describeRelations),
  ].join('\n\n')}\n`
}

function picture(): string {
  const { http, workerPool, provider } = payments
  return [
    '```mermaid',
    'flowchart LR',
    `  client -->|"answered in ${timeOf(listings.http.requestBudgetMs)}"| listings`,
    `  listings -->|"one attempt ${timeOf(listings.payments.attemptMs)}"| payments["payments (budget ${timeOf(http.requestBudgetMs)})"]`,
    `  payments -->|"one attempt ${timeOf(provider.attemptMs)}"| provider[card provider]`,
    `  payments -->|"connection ${timeOf(workerPool.acquireMs)}"| pool[pool]`,
    `  pool -->|"statement ${timeOf(workerPool.statementMs)}"| statement[statement]`,
    `  statement -->|"lock ${timeOf(workerPool.lockMs)}"| lock[row lock]`,
    '```',
  ].join('\n')
}

function describePath({ title, introduction: text, waits }: WaitPath): string {
  const rows = waits.flatMap(withInside).map(({ limit, what, afterwards }) => {
    return `| ${what} | ${timeOf(limitAt(limits, limit))} | ${afterwards} | ${nameOf(limit)} |`
  })
  const head = ['| what | time | then | limit |', '|---|---|---|---|']
  return [`## ${title}`, '', text, '', ...head, ...rows].join('\n')
}

function withInside(wait: Wait): readonly Wait[] {
  return [wait, ...(wait.inside ?? []).flatMap(withInside)]
}

/** A pool has the same waits as any other, so they are columns. */
function describePools({ title, introduction: text }: WaitPath): string {
  const columns = ['acquireMs', 'statementMs', 'lockMs', 'idleInTransactionMs'] as const
  const rows = pools.map(({ pool, users }) => {
    const read = (path: SystemPath) => limitAt(limits, path)
    const times = columns.map(column => timeOf(read(`${pool}.${column}`)))
    const connectionsMax = read(`${pool}.connectionsMax`)
    return `| ${nameOf(pool)}: ${users} | ${connectionsMax} | ${times.join(' | ')} |`
  })
  return [
    `## ${title}`,
    '',
    text,
    '',
    '| pool | connections | connection | statement | lock | idle in a transaction |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function describeRelations({ title, relations }: RelationGroup): string {
  const rows = relations.map(relation => {
    const { larger, smaller, because } = relation
    const write = writerOf(relation)
    const fits = smaller.map(write).join(' + ')
    return `| ${write(larger)} | ${fits} | ${because} |`
  })
  return [
    `## Relations ${title}`,
    '',
    '| this | leaves room for | because |',
    '|---|---|---|',
    ...rows,
  ].join('\n')
}

function writerOf(relation: CheckedRelation) {
  const show = showerOf(relation)
  return ({ term, value }: CheckedRelation['larger']) =>
    term === String(value) ? show(value) : `${nameOf(term)} (${show(value)})`
}

/** How the values of a relation are written: as times, unless it is about something else. */
export function showerOf({ larger, smaller }: CheckedRelation): (value: number) => string {
  return [larger, ...smaller].some(({ term }) => term.endsWith('Ms')) ? timeOf : String
}

/** The process in words, then the limit as it stands in the code: card provider `keepAliveMs`. */
function nameOf(term: string): string {
  return term.replaceAll(/([\w-]+)\.([\w.]+)/g, (_path, process: string, limit: string) => {
    return `${process.replaceAll('-', ' ')} \`${limit}\``
  })
}

/** A time as a person writes it. */
export function timeOf(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  if (ms < 120_000) return `${rounded(ms / 1_000)} s`
  return ms < 7_200_000 ? `${rounded(ms / 60_000)} min` : `${rounded(ms / 3_600_000)} h`
}

function rounded(value: number): number {
  return Number(value.toFixed(2))
}
