import { basename, posix } from 'node:path'
import { promises, type SystemPromise } from '@nightshift/load-tests/auditor/promises'
import { brokenPromises } from '@nightshift/load-tests/reporting/broken-promises'
import { maskCode } from './figures.ts'
import type { Page } from './read-pages.ts'
import { experimentsTable, linkTo, type Result } from './results-table.ts'

const introduction = `# Promises

*One charge per idempotency key. At-least-once events with a stable id; each effect applied once per (consumer, event id). Every payment reaches a final state within a bounded time after the fault ends, with no human. Nothing acknowledged is lost when any one process dies.*

Each promise has a code. A page or a log that names a code links here.

- **Safety** (S): a bad thing that happens at no time. It is checked after every experiment.
- **Liveness** (L): a good thing that happens in time. The clock starts when the last fault ends, and no person touches the system.

The [auditor](../load-tests/auditor/README.md) checks them. It shares no code with the services: it reads the log of the card provider, the mails, the topics, the databases and the history of the clients. The last column names the experiments in which the naive version broke the promise, and the pattern kept it in every round.

\`npm run docs\` writes this page from the list of the auditor and from the results.`

const notPromised = `## Not promised

- **Power loss on a single-broker Kafka.** One broker acknowledges a record before it is on disk. What was acknowledged just before a power loss may be gone.
- **A card provider that ignores its own idempotency key.** Two requests under one key are then two charges. The ledger shows them; nothing here prevents them.
- **A mail server that accepts a mail and never says so.** The same mail, with the same Message-ID, is then sent up to three times.`

/** The page of promises: what each says, how it is checked, and which experiment breaks it. */
export function promisesPage(results: readonly Result[]): string {
  const broken = brokenPromises(results)
  const rowOf = (promise: SystemPromise) => describe(promise, broken.get(promise.code) ?? [])
  const head = [
    '| code | promise | how it is checked | broken without the pattern in |',
    '|---|---|---|---|',
  ]
  const table = (letter: string) =>
    [...head, ...promises.filter(({ code }) => code.startsWith(letter)).map(rowOf)].join('\n')
  const sections = [
    introduction,
    `## Safety\n\n${table('S')}`,
    `## Liveness\n\n${table('L')}`,
    notPromised,
    `## The experiments\n\nMedians of all rounds, with the least and the most. \`npm run experiment -- outbox --rounds 1\` repeats one and prints it.\n\n${experimentsTable(results, '../')}`,
  ]
  return `${sections.join('\n\n')}\n`
}

function describe(
  { code, statement, howChecked, tests = [] }: SystemPromise,
  experiments: readonly string[],
): string {
  const links = tests.map(path => `[${basename(path).split('.')[0]}](../${path})`)
  const checked = links.length === 0 ? howChecked : `${howChecked} Tests: ${links.join(', ')}.`
  const brokenIn = experiments.map(name => linkTo({ name }, '../')).join(', ')
  return `| <a id="${code.toLowerCase()}"></a>${code} | ${statement} | ${checked} | ${brokenIn} |`
}

const promisesPath = 'docs/promises.md'
/** A code with nothing around it that would make it another word. */
const code = /(?<![\w[/#-])[SL]\d{1,2}[a-c]?(?![\w\]-])/g
const link = /!?\[[^\]]*\]\([^)]*\)/g

/** The page with each code of a promise, such as S4, as a link to that promise. */
export function linkPromises({ path, text }: Page, codes: readonly string[]): string {
  if (path === promisesPath) return text
  const prose = maskCode(text).replace(link, linked => linked.replace(/[^\n]/g, ' '))
  const promises = posix.relative(posix.dirname(path), promisesPath)
  return text.replace(code, (found, at: number) => {
    const isProse = prose.slice(at, at + found.length) === found
    return isProse && codes.includes(found)
      ? `[${found}](${promises}#${found.toLowerCase()})`
      : found
  })
}
