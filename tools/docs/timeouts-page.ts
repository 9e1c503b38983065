import { limits as listings } from '@nightshift/listings/limits'
import { limits as notifications } from '@nightshift/notifications/limits'
import { limits as payments } from '@nightshift/payments/limits'
import type { PoolLimits } from '@nightshift/runtime/postgres/postgres'
import { type Relation, type WaitPath, waitPaths, waitRelations } from './timeouts.ts'

const introduction = `# Timeouts

A wait without a limit is where a system stops. Here every wait has a limit, and every limit is a number in one file per service: [payments](../services/payments/src/limits.ts), [listings](../services/listings/src/limits.ts), [notifications](../services/notifications/src/limits.ts).

One rule decides the order: **the outer wait is longer than what happens inside it.** The side that knows more gives up first and can say what it knows. A service asserts the relations among its own limits when it starts. A test holds the relations across services, which are at the end of this page.

A wait that is over is no failure. Once bytes were sent, the outcome is unknown: the answer is \`202 pending\`, and a job finds out.

\`npm run docs\` writes this page from the limits.`

/** The page of timeouts: a picture, one table per path, and the relations across services. */
export function timeoutsPage(): string {
  const [callPath, ...otherPaths] = waitPaths()
  return `${[
    introduction,
    picture(),
    describePath(callPath),
    describePools(),
    ...otherPaths.map(describePath),
    describeRelations(waitRelations()),
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
  const rows = waits.map(
    ({ limit, ms, what, afterwards }) => `| ${what} | ${timeOf(ms)} | ${afterwards} | ${limit} |`,
  )
  const head = ['| what | time | then | limit |', '|---|---|---|---|']
  return [`## ${title}`, '', text, '', ...head, ...rows].join('\n')
}

/** Every pool, by service. */
const pools: readonly (readonly [name: string, limits: PoolLimits])[] = [
  ['listings `pool`: requests of employers', listings.pool],
  ['listings `workerPool`: consumer and jobs', listings.workerPool],
  ['listings `searchPool`: public search', listings.searchPool],
  ['payments `pool`: requests on behalf of one tenant', payments.pool],
  ['payments `workerPool`: claim and commit of payments, jobs, webhooks', payments.workerPool],
  ['payments `lookUpPool`: why a key could not be claimed', payments.lookUpPool],
  ['notifications `requestPool`: requests', notifications.requestPool],
  ['notifications `matchingPool`: consumer and matching', notifications.matchingPool],
  ['notifications `sendingPool`: mails', notifications.sendingPool],
]

function describePools(): string {
  const rows = pools.map(([name, limits]) => {
    const { connectionsMax, acquireMs, statementMs, lockMs, idleInTransactionMs } = limits
    const times = [acquireMs, statementMs, lockMs, idleInTransactionMs].map(timeOf)
    return `| ${name} | ${connectionsMax} | ${times.join(' | ')} |`
  })
  return [
    '## request → pool → statement → lock',
    '',
    'A request waits for a connection of its pool, then for its statement, and in the statement for a row lock. The server ends a statement that takes too long; half a second later the driver would give up on a server that does not answer at all. The claim of a payment or a publication also ends with the deadline of its caller. For a request, the end of any of these waits is a `503` with `Retry-After`, never a 500.',
    '',
    '| pool | connections | connection | statement | lock | idle in a transaction |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function describeRelations(relations: readonly Relation[]): string {
  const rows = relations.map(
    ({ longer, longerMs, shorter, shorterMs, because }) =>
      `| ${longer} (${timeOf(longerMs)}) | ${shorter} (${timeOf(shorterMs)}) | ${because} |`,
  )
  return [
    '## Relations across services',
    '',
    '| this is longer | than this | because |',
    '|---|---|---|',
    ...rows,
  ].join('\n')
}

/** A time as a person writes it. */
export function timeOf(ms: number): string {
  if (ms < 1_000) return `${ms} ms`
  if (ms < 120_000) return `${ms / 1_000} s`
  return ms < 7_200_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`
}
