import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { countsOf, replayPage, replayPicture } from '@nightshift/load-tests/replay/replay-page'
import type { Replay } from '@nightshift/load-tests/replay/run-replay'
import { repoRoot } from '@nightshift/local/system/state'
import { readText } from './read-pages.ts'

const directory = 'docs/replays'

/** The picture and the page of every replay, by the path from the root. */
export function replayPages(): Map<string, string> {
  const pages = new Map<string, string>()
  for (const replay of readReplays()) {
    pages.set(`${directory}/${replay.name}.svg`, replayPicture(replay))
    pages.set(`${directory}/${replay.name}.html`, replayPage(replay))
  }
  return pages
}

/** What `npm run replay -- --write` has kept, in the order of the names. */
function readReplays(): Replay[] {
  const files = readdirSync(join(repoRoot, directory)).filter(file => file.endsWith('.json'))
  return files.sort().map(file => JSON.parse(readText(`${directory}/${file}`) ?? '') as Replay)
}

const head = `# Replays

One payment of each arm of an experiment, as it was recorded: without the pattern, and with it. The picture is drawn from what each participant wrote down itself. Nothing in it is an illustration.

| who | what is drawn of it |
|---|---|
| client | the history of the test client: each request, and its answer or the lack of one |
| listings, payments, notifications | their traces: calls to others, events taken, jobs. A process that is killed takes its last traces with it |
| PostgreSQL | the rows that are there at the end, at the time of their transaction. Rows with the same time are from one transaction, and are one arrow |
| provider | its own log: requests that it lost, delayed or never answered, and webhooks |
| card | what only the provider knows: what really happened to the card |
| Kafka | the records of the topics, dead letters included |
| mail server | its own log |

How to read it:

- A request without an answer is an arrow that never comes back. A cross marks the moment at which its sender gave up.
- A refused request ends at a wall before its receiver, who began nothing.
- A dashed arrow is the answer to an earlier request, repeated.
- Three dots stand for requests that ended like those beside them. They are counted, and not drawn.
- A fault is a band behind everything that happened meanwhile.
- "A call that only the provider wrote down" is one whose caller was killed before its trace was exported.

The payment of each arm is the one that had most to do with the fault: one for which a promise was broken, if there is any, or else one with many lost, refused or open answers. In most experiments about payments, clients pay at payments directly, for publications that listings does not know. Their events are dead-lettered there, which is right.

\`npm run replay -- reply-lost\` records another one, in .nightshift/replays; \`--write\` keeps it here. A result without two arms, such as a matrix, a storm or a benchmark, has no replay. How often something happens is not in a replay, but in the [results](../../load-tests/results), which have several rounds.
`

/** The page that lists all replays, and says how to read one. */
export function replaysListPage(): string {
  const rows = readReplays().map(({ name, title, pattern, arms }) => {
    const page = `[${pattern}](../../packages/patterns/src/${pattern}/README.md)`
    const links = `[picture](${name}.svg), [page](${name}.html)`
    return `| ${title} | ${page} | ${armCell(arms.naive)} | ${armCell(arms.with)} | ${links} |`
  })
  return `${head}
| fault | pattern | without | with | |
|---|---|---|---|---|
${rows.join('\n')}

"Charged" counts what the provider did to the card, and "told" is the last answer that the client had.
`
}

function armCell({ payment }: Replay['arms']['naive']): string {
  const counts = countsOf(payment)
  const { status, res } = payment.rows.history.findLast(({ type }) => type !== 'invoke') ?? {}
  const told = status ? [status, res?.payment ?? res?.status].filter(Boolean).join(' ') : 'nothing'
  const requests = counts['requests of the client']
  const asked =
    ['asked not at all', 'asked once', 'asked twice'][requests] ?? `asked ${requests} times`
  return `${asked}, charged ${counts['charges of the card']}, told ${told}`
}
